"""Module metadata."""

CONFIG = {
    "name": "BTCPay Server",
    "description": "Bitcoin and Lightning payments through your own BTCPay Server",
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://puqpanel.example",
    "icon": "fab fa-bitcoin",
}
