"""Module metadata."""

CONFIG = {
    "name": "My Cloud Service",
    "description": "Example product: web space with a file manager in the demo cloud",
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://puqpanel.example",
    "icon": "fas fa-server",
}
