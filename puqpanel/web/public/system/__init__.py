"""Public pages of the system."""
