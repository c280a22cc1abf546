"""Polish."""

LANG = {
    "A transfer takes one to two working days. Invoice :number is paid when it has arrived.": (
        "Przelew trwa od jednego do dwóch dni roboczych. Faktura :number jest opłacona, gdy dotrze."
    ),
    "Account holder": "Posiadacz rachunku",
    "Amount": "Kwota",
    "BIC": "BIC",
    "IBAN": "IBAN",
    "Nobody pays under this reference.": "Nikt nie płaci z tym tytułem.",
    "Noted.": "Zanotowano.",
    "Pay by bank transfer": "Zapłać przelewem",
    "Reference": "Tytuł przelewu",
    "The IBAN is not right.": "Numer IBAN jest nieprawidłowy.",
    "The IBAN is right. There is no bank service to ask.": (
        "Numer IBAN jest prawidłowy. Nie podano usługi bankowej."
    ),
    "The message is not complete.": "Wiadomość jest niekompletna.",
    "The signature is missing or wrong.": "Podpisu brakuje albo jest błędny.",
    "The bank's service answers for another account.": "Usługa bankowa odpowiada za inny rachunek.",
    "The bank's service knows this account.": "Usługa bankowa zna ten rachunek.",
    "This is not the amount that is awaited.": "To nie jest oczekiwana kwota.",
    "This is no IBAN: a character is wrong or missing.": (
        "To nie jest IBAN: któryś znak jest błędny lub go brakuje."
    ),
    "Write the reference on the transfer: by it we know what you have paid.": (
        "Wpisz tytuł przelewu: po nim poznamy, za co płacisz."
    ),
    "reference": "tytuł przelewu",
}
