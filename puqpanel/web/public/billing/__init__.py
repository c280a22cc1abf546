"""Public pages of billing."""
