"""Public pages of ordering."""
