"""Orders, with the document and services each creates."""
