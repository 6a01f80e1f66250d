"""The Web API: Slack's methods, with their arguments, scopes, rate tiers and errors."""

from bot.playground.slack.api.endpoint import WebApi

__all__ = ["WebApi"]
