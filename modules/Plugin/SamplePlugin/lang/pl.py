"""Polish."""

LANG = {
    "A service could not be created. :reason": "Nie udało się utworzyć usługi. :reason",
    "Add note": "Dodaj notatkę",
    "Add notes to the notebook": "Dodawanie notatek do notatnika",
    "Add the first note above.": "Dodaj pierwszą notatkę powyżej.",
    "Author": "Autor",
    "Enter a note.": "Wpisz notatkę.",
    "Enter at most 2,000 characters.": "Wpisz najwyżej 2000 znaków.",
    "No notes yet": "Nie ma jeszcze notatek",
    "Note": "Notatka",
    "Note saved.": "Zapisano notatkę.",
    "Notebook": "Notatnik",
    "Notes": "Notatki",
    "Notes appear here.": "Tu pojawią się notatki.",
    "Notes by staff, and services that could not be created.": (
        "Notatki personelu oraz usługi, których nie udało się utworzyć."
    ),
    "Old notes deleted: :count.": "Usunięto stare notatki: :count.",
    "Panel": "Panel",
    "Read the notebook": "Czytanie notatnika",
    "The newest :count notes.": "Najnowsze notatki: :count.",
    "Time": "Czas",
    "View notes": "Przeglądanie notatek",
    "Write notes": "Pisanie notatek",
}
