"""Polish."""

LANG = {
    "Handed to the mail server.": "Przekazano serwerowi poczty.",
    "Taken by the web address.": "Przyjęto pod adresem sieciowym.",
    "The address answers.": "Adres odpowiada.",
    "The mail server lets us in.": "Serwer poczty nas wpuszcza.",
    "This channel needs it.": "Ten kanał tego wymaga.",
}
