"""A strict local Slack and local Tines tenants, to try and to test the product without accounts anywhere."""
