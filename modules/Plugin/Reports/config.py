"""Module metadata."""

CONFIG = {
    "name": "Reports",
    "description": (
        "What came and went, what recurs, what failed and how modules do: charts, tables and CSV"
    ),
    "version": "1.0.0",
    "author": "puqpanel",
    "email": "modules@puqpanel.example",
    "website": "https://puqpanel.example",
    "icon": "fas fa-chart-column",
}
