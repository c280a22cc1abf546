"""Staff pages for clients, users, staff and roles."""
