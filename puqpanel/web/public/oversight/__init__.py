"""Public health endpoint."""
