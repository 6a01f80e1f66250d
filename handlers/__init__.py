"""What the bot does, without Slack: requests, policy, operations, store, engine and the Tines client.

Nothing here imports `bot`, so that every rule can be read, run and tested without a Slack workspace.
"""
