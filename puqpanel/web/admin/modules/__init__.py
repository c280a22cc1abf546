"""Modules, circuit breaker, gateways, senders, module log and crashes."""
