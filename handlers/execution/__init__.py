"""What is done for a request: effects, and what protects them."""
