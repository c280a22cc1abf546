"""Module metadata."""

CONFIG = {
    "name": "Server monitoring",
    "description": "Check websites, ports and hosts, and report when one goes down or comes back",
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://puqpanel.example",
    "icon": "fas fa-heart-pulse",
}
