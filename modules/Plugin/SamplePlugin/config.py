"""Module metadata."""

CONFIG = {
    "name": "Sample plugin",
    "description": (
        "A notebook for staff: the smallest plugin with a table, a page, an API, a schedule and a"
        " listener"
    ),
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://puqpanel.example",
    "icon": "fas fa-note-sticky",
}
