"""Watching sync destinations, without a database or a tenant."""
