"""Module metadata."""

CONFIG = {
    "name": "Bank transfer",
    "description": "Bank transfers with a reference, a QR code and imported bank statements",
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://puqpanel.example",
    "icon": "fas fa-building-columns",
}
