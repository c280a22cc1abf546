"""Polish."""

LANG = {
    "Accepted by the mail server.": "Przyjęte przez serwer poczty.",
    "Connected to the webhook.": "Połączono z webhookiem.",
    "Delivered to the webhook.": "Dostarczono do webhooka.",
    "Required for this channel.": "Wymagane dla tego kanału.",
    "Signed in to the mail server.": "Zalogowano do serwera poczty.",
}
