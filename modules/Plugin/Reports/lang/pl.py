"""Polish."""

LANG = {
    "12 months": "12 miesięcy",
    "30 days": "30 dni",
    "90 days": "90 dni",
    ":count marked as fraud": "oznaczone jako oszustwo: :count",
    ":count parked": "wstrzymane: :count",
    ":count pending": "oczekujące: :count",
    ":good completed, :bad failed": "ukończone: :good, nieudane: :bad",
    ":new new, :lost lost": "nowe: :new, utracone: :lost",
    "Active": "Aktywne",
    "Active modules appear here.": "Tu pojawią się aktywne moduły.",
    "Active services": "Aktywne usługi",
    "Active services with a recurring price appear here.": (
        "Tu pojawią się aktywne usługi z ceną okresową."
    ),
    "All time": "Łącznie",
    "Apply": "Zastosuj",
    "At start": "Na początku",
    "By module": "Według modułu",
    "By product": "Według produktu",
    "Cancelled": "Anulowane",
    "Choose a day.": "Wybierz dzień.",
    "Choose at most five years.": "Wybierz najwyżej pięć lat.",
    "Churn": "Odejścia",
    "Churn by month": "Odejścia według miesięcy",
    "Churn: services lost in the month as a share of those at its start.": (
        "Odejścia: usługi utracone w miesiącu jako udział usług z jego początku."
    ),
    "Completed": "Ukończone",
    "Count": "Liczba",
    "Export CSV": "Eksportuj CSV",
    "Failed": "Nieudane",
    "Failure count": "Liczba błędów",
    "Failure rate": "Odsetek błędów",
    "Failure reasons": "Przyczyny błędów",
    "From": "Od",
    "from 1 active service": "z 1 aktywnej usługi",
    "from :count active services": "z aktywnych usług: :count",
    "Income": "Przychód",
    "jobs in the period": "zadania w okresie",
    "Logged errors": "Zapisane błędy",
    "Lost": "Utracone",
    "Lost in the period": "Utracone w okresie",
    "Module": "Moduł",
    "Modules": "Moduły",
    "Month": "Miesiąc",
    "Monthly recurring revenue of active services, not invoiced or paid amounts.": (
        "Miesięczny przychód okresowy z aktywnych usług, a nie kwoty zafakturowane ani zapłacone."
    ),
    "New": "Nowe",
    "New and lost services": "Nowe i utracone usługi",
    "New in the period": "Nowe w okresie",
    "New, lost and current services.": "Nowe, utracone i obecne usługi.",
    "No active modules": "Brak aktywnych modułów",
    "No failures in this period.": "W tym okresie nie było błędów.",
    "No finished jobs": "Brak zakończonych zadań",
    "No new or lost services": "Brak nowych i utraconych usług",
    "No provisioning job finished in this period.": (
        "W tym okresie nie zakończyło się żadne zadanie realizacji usług."
    ),
    "No reason given.": "Nie podano przyczyny.",
    "No recurring revenue yet": "Nie ma jeszcze przychodów okresowych",
    "No service was ordered, terminated or cancelled in this period.": (
        "W tym okresie nie zamówiono, nie zakończono ani nie anulowano żadnej usługi."
    ),
    "No services yet": "Nie ma jeszcze usług",
    "of all finished jobs": "wszystkich zakończonych zadań",
    "of which :count lost": "w tym utracone: :count",
    "Parked now": "Teraz wstrzymane",
    "Per month": "Miesięcznie",
    "Per month, :currency": "Miesięcznie, :currency",
    "Period": "Okres",
    "Product": "Produkt",
    "Products": "Produkty",
    "Products with services appear here.": "Tu pojawią się produkty, które mają usługi.",
    "Provisioning": "Realizacja usług",
    "Provisioning jobs": "Zadania realizacji usług",
    "Reason": "Przyczyna",
    "Reports": "Raporty",
    "Results of the jobs that create, change and terminate services.": (
        "Wyniki zadań, które tworzą, zmieniają i kończą usługi."
    ),
    "Services": "Usługi",
    "services ordered": "zamówione usługi",
    "Share of :product": "Udział produktu :product",
    "Share of currency": "Udział w walucie",
    "Status": "Stan",
    "Status of the modules now; their tasks and logged errors in the period.": (
        "Obecny stan modułów oraz ich zadania i zapisane błędy w okresie."
    ),
    "Summary": "Podsumowanie",
    "Suspended": "Zawieszone",
    "Terminated": "Zakończone",
    "terminated or cancelled": "zakończone lub anulowane",
    "The last day is before the first.": "Ostatni dzień jest przed pierwszym.",
    "This day is in the future.": "Ten dzień jest w przyszłości.",
    "To": "Do",
    "View reports": "Przeglądanie raportów",
    "View reports on services, churn, provisioning and modules": (
        "Przeglądanie raportów o usługach, odejściach, realizacji i modułach"
    ),
    "View the income report": "Przeglądanie raportu o przychodach",
    "View the recurring income from active services": (
        "Przeglądanie przychodów okresowych z aktywnych usług"
    ),
    "waiting for a module": "czekają na moduł",
}
