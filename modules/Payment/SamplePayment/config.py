"""Module metadata."""

CONFIG = {
    "name": "Sample payment",
    "description": "Example payment module: bank transfer with a page, a webhook and a table",
    "version": "1.1.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://puqpanel.example",
    "icon": "fas fa-building-columns",
}
