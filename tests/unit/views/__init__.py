"""Tests of what is shown in Slack."""
