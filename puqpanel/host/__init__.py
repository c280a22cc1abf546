"""The module host: finds modules, loads them under fresh names, checks the contract's rules and
calls them.

Belongs here: everything between a folder under `modules/` and a checked, callable module. Does not
belong here: Flask, the use cases (operations) and the base classes that act (sdk). Called by
operations, sdk, web, jobs, cli and app.
"""
