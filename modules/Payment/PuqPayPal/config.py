"""Module metadata."""

CONFIG = {
    "name": "PayPal",
    "description": "Payments through PayPal: accounts, cards and local methods, refunds, disputes",
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://puqpanel.example",
    "icon": "fab fa-paypal",
}
