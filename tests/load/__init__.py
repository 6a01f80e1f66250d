"""What strangers can do to the public port, and whether Slack is answered meanwhile: `python -m tests.load`."""
