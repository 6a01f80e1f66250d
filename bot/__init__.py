"""What Slack sees: listeners, views, the deliverer, the web server and the command line."""
