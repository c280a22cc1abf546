CONFIG = {
    "name": "My Cloud Service",
    "description": (
        "Web space with files and statistics in the demo cloud; the module to read first"
    ),
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://puqpanel.example",
    "icon": "fas fa-server",
}
