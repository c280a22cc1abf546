"""Module metadata."""

CONFIG = {
    "name": "Sample plugin",
    "description": "Example plugin: a notebook with a table, a page, an API, a schedule and a hook",
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://puqpanel.example",
    "icon": "fas fa-note-sticky",
}
