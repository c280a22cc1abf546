"""Staff pages for products."""
