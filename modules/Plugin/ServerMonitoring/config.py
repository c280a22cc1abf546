"""Module metadata."""

CONFIG = {
    "name": "Server monitoring",
    "description": (
        "Checks web addresses, ports and hosts, keeps how they answered, and tells when one goes"
        " down or comes back"
    ),
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://puqpanel.example",
    "icon": "fas fa-heart-pulse",
}
