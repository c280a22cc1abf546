"""Service pages of the client area."""
