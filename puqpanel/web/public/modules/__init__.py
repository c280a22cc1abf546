"""Public pages of modules: assets and webhooks."""
