"""What Slack sees: listeners, views, the announcer, the web server and the command line."""
