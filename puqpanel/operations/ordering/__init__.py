"""Orders: what a client asked for, and the document and services that came of it."""
