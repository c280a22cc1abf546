"""Pure values and rules: money, states, permission keys, events, errors.

Nothing here reads, writes, waits or looks at a clock. Every layer may import it.
"""
