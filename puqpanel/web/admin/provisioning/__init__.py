"""Staff pages for services and their provisioning."""
