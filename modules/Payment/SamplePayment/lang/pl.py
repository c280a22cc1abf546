"""Polish."""

LANG = {
    "Account holder": "Posiadacz rachunku",
    "Amount": "Kwota",
    "BIC": "BIC",
    "IBAN": "IBAN",
    "Include the reference so that we can match your payment.": (
        "Podaj tytuł przelewu, abyśmy mogli przypisać płatność."
    ),
    "Invalid IBAN.": "Nieprawidłowy numer IBAN.",
    "Invalid IBAN. Check for wrong or missing characters.": (
        "Nieprawidłowy numer IBAN. Sprawdź, czy żaden znak nie jest błędny i czy żadnego nie brakuje."
    ),
    "Invalid message.": "Nieprawidłowa wiadomość.",
    "Invoice :number is marked as paid on arrival.": (
        "Faktura :number zostanie oznaczona jako opłacona po wpłynięciu środków."
    ),
    "Missing or invalid signature.": "Brak podpisu lub nieprawidłowy podpis.",
    "Pay by bank transfer": "Zapłać przelewem",
    "Reference": "Tytuł przelewu",
    "The amount does not match the invoice.": "Kwota nie zgadza się z fakturą.",
    "The bank service confirmed the account.": "Usługa bankowa potwierdziła rachunek.",
    "The bank service returned another account.": "Usługa bankowa zwróciła inny rachunek.",
    "The IBAN is valid. No bank service is configured.": (
        "Numer IBAN jest prawidłowy. Nie skonfigurowano usługi bankowej."
    ),
    "Transfer recorded.": "Zapisano przelew.",
    "Transfers take one to two working days.": "Przelewy trwają od jednego do dwóch dni roboczych.",
    "Unknown reference.": "Nieznany tytuł przelewu.",
    "reference": "tytuł przelewu",
}
