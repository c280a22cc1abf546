"""Documents of the client area."""
