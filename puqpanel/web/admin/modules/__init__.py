"""Pages of modules, gateways, senders and the module log."""
