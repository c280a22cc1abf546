"""The module contract as code.

The base of all modules, the two spellings, results, configuration and the load rules.

Nothing here loads or calls a module; `host.loader` and `host.calls` do, by these rules.
"""
