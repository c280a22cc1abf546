"""Entry point of `python -m puqpanel` and the `puqpanel` script."""

from __future__ import annotations

from puqpanel.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
