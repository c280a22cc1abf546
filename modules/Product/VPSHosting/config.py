"""Module metadata."""

CONFIG = {
    "name": "VPS Hosting",
    "description": "Sell virtual servers at DigitalOcean",
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://www.digitalocean.com",
    "icon": "fas fa-server",
    # Default API URL of new accounts. Tokens are stored encrypted in the accounts table.
    "api_url": "https://api.digitalocean.com",
}
