"""Module metadata."""

CONFIG = {
    "name": "monobank",
    "description": "Card payments in hryvnia through monobank acquiring, with refunds",
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://puqpanel.example",
    "icon": "fas fa-credit-card",
}
