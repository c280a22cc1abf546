"""Module metadata."""

CONFIG = {
    "name": "Sample notification",
    "description": (
        "Messages to a web address or by mail: the smallest notification module with settings,"
        " checks and a test"
    ),
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://puqpanel.example",
    "icon": "fas fa-paper-plane",
}
