"""Flows: signed requests of a local Slack through the whole app, against local Tines tenants."""
