"""Polish."""

LANG = {
    "A service could not be made. :reason": "Nie udało się utworzyć usługi. :reason",
    "At most 2,000 characters.": "Najwyżej 2000 znaków.",
    "By": "Autor",
    "Keep note": "Zapisz notatkę",
    "No notes yet": "Nie ma jeszcze notatek",
    "Nobody has written one.": "Nikt jeszcze żadnej nie napisał.",
    "Note": "Notatka",
    "Notebook": "Notatnik",
    "Notes": "Notatki",
    "Old notes removed: :count.": "Usunięto stare notatki: :count.",
    "The first one is written above.": "Pierwszą napisz powyżej.",
    "The newest :count notes.": "Najnowsze notatki: :count.",
    "The note is kept.": "Notatka została zapisana.",
    "The panel": "Panel",
    "What staff leave for each other; the panel adds what it could not make.": (
        "Notatki pracowników; panel dopisuje, czego nie udało się utworzyć."
    ),
    "When": "Kiedy",
    "Write something first.": "Najpierw coś napisz.",
    "View notes": "Przeglądanie notatek",
    "Read what is in the notebook": "Czytanie notatnika",
    "Write notes": "Pisanie notatek",
    "Add notes to the notebook": "Dodawanie notatek do notatnika",
}
