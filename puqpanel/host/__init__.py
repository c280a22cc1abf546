"""The module host: finds, checks, loads and calls modules.

Belongs here: everything between a folder under `modules/` and a checked, callable module. Does not
belong here: Flask, the use cases (operations) and the base classes that act (sdk). Called by
operations, sdk, web, jobs, cli and app.
"""
