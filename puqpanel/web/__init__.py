"""The web layer: staff pages, client pages, public pages, templates and static files.

Views validate a form and call an operation; business rules belong to operations. Only puqpanel.app
imports this package.
"""
