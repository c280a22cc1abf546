"""Sign-in and password pages of the client area."""
