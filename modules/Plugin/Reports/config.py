"""Module metadata."""

CONFIG = {
    "name": "Reports",
    "description": "Charts, tables and CSV on services, income, provisioning and modules",
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://puqpanel.example",
    "icon": "fas fa-chart-column",
}
