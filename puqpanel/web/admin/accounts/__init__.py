"""Staff, roles, users, clients, passwords and sign-in."""
