"""Module metadata."""

CONFIG = {
    "name": "Sample notification",
    "description": "Example notification module: messages by webhook or e-mail",
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://puqpanel.example",
    "icon": "fas fa-paper-plane",
}
