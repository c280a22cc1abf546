"""Module metadata."""

CONFIG = {
    "name": "Nextcloud",
    "description": "Sell accounts on your own Nextcloud servers",
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://nextcloud.com",
    "icon": "fas fa-cloud",
}
