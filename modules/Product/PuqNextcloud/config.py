CONFIG = {
    "name": "Nextcloud",
    "description": "Accounts on your own Nextcloud servers, through their user provisioning API",
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://nextcloud.com",
    "icon": "fas fa-cloud",
}
