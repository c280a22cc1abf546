"""English: texts that read better than their keys."""

LANG: dict[str, str] = {}
