"""Home page of the client area."""
