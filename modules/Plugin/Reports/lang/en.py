"""English: the texts are English already, so only what reads better otherwise stands here."""

LANG: dict[str, str] = {}
