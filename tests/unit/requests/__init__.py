"""The use cases, the store and the create operation together, on a real database, without Slack and without an engine."""
