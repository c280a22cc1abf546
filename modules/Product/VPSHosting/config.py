"""Module metadata."""

CONFIG = {
    "name": "VPS Hosting",
    "description": "Virtual servers at DigitalOcean, through its API v2",
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://www.digitalocean.com",
    "icon": "fas fa-server",
    # Where an account's API is unless the account says otherwise. Tokens stand in the accounts
    # table, encrypted.
    "api_url": "https://api.digitalocean.com",
}
