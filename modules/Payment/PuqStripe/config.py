"""Module metadata."""

CONFIG = {
    "name": "Stripe",
    "description": "Cards, wallets and bank payments through Stripe Checkout; saved cards",
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://puqpanel.example",
    "icon": "fab fa-stripe-s",
}
