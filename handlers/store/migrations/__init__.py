"""The migrations: what the tables were on each day that they changed."""
