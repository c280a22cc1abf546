"""Polish."""

LANG = {
    "12 months": "12 miesięcy",
    "30 days": "30 dni",
    "90 days": "90 dni",
    ":count marked as fraud": "oznaczone jako oszustwo: :count",
    ":count of them lost": "w tym zagubione: :count",
    ":count parked": "wstrzymane: :count",
    ":count waiting to be made": "czekające na utworzenie: :count",
    ":good completed, :bad failed": "ukończone: :good, nieudane: :bad",
    ":new new, :lost lost": "nowe: :new, utracone: :lost",
    "A month": "Miesięcznie",
    "A month, :currency": "Miesięcznie, :currency",
    "Active": "Aktywne",
    "Active services": "Aktywne usługi",
    "As soon as a service with a recurring price is active, it counts here.": (
        "Liczą się tu aktywne usługi z ceną okresową."
    ),
    "By module": "Według modułu",
    "By product": "Według produktu",
    "CSV": "CSV",
    "Cancelled": "Anulowane",
    "Choose a day.": "Wybierz dzień.",
    "Churn": "Odejścia",
    "Churn by month": "Odejścia według miesięcy",
    "Completed": "Ukończone",
    "Ever": "Kiedykolwiek",
    "Failed": "Nieudane",
    "Failures since a success": "Błędy od ostatniego sukcesu",
    "Five years at most.": "Najwyżej pięć lat.",
    "From": "Od",
    "How modules do: their breaker now, their tasks and logged errors in the period.": (
        "Jak działają moduły: ich bezpiecznik teraz, ich zadania i zapisane błędy w okresie."
    ),
    "How often": "Jak często",
    "How the jobs that make, change and end services came out.": (
        "Jak zakończyły się zadania, które tworzą, zmieniają i kończą usługi."
    ),
    "In force": "Obowiązujące",
    "In force: at the beginning of the month. Churn: terminated and cancelled in the month, as a share of that.": (
        "Obowiązujące: na początku miesiąca. Odejścia: zakończone i anulowane w miesiącu, jako ich"
        " udział."
    ),
    "Income": "Przychód",
    "Jobs for services": "Zadania dla usług",
    "Key figures": "Najważniejsze liczby",
    "Logged errors": "Zapisane błędy",
    "Lost": "Utracone",
    "Lost in the period": "Utracone w okresie",
    "Module": "Moduł",
    "Modules": "Moduły",
    "Month": "Miesiąc",
    "New": "Nowe",
    "New and lost": "Nowe i utracone",
    "New in the period": "Nowe w okresie",
    "No job has ended": "Żadne zadanie się nie zakończyło",
    "No module is switched on": "Żaden moduł nie jest włączony",
    "No reason was given.": "Nie podano powodu.",
    "No service was ordered, terminated or cancelled in this period.": (
        "W tym okresie nie zamówiono, nie zakończono ani nie anulowano żadnej usługi."
    ),
    "None of the jobs for services ended in this period.": (
        "W tym okresie nie zakończyło się żadne zadanie dla usług."
    ),
    "Nothing came or went": "Nic nie przybyło ani nie ubyło",
    "Nothing failed in this period.": "W tym okresie wszystko się udało.",
    "Nothing recurs yet": "Nie ma jeszcze przychodów okresowych",
    "Nothing was sold yet": "Jeszcze nic nie sprzedano",
    "Parked now": "Teraz wstrzymane",
    "Period": "Okres",
    "Product": "Produkt",
    "Products": "Produkty",
    "Products with services stand here.": "Tu widać produkty, które mają usługi.",
    "Provisioning": "Realizacja usług",
    "Reason": "Powód",
    "Recurring income: what the active services cost, brought to a month. It is not what was invoiced or paid.": (
        "Przychód okresowy: ile kosztują aktywne usługi w przeliczeniu na miesiąc. To nie są kwoty"
        " zafakturowane ani zapłacone."
    ),
    "Reports": "Raporty",
    "Services": "Usługi",
    "Share of :product": "Udział produktu :product",
    "Share of its currency": "Udział w swojej walucie",
    "Share that failed": "Udział nieudanych",
    "Show": "Pokaż",
    "Status": "Stan",
    "Suspended": "Zawieszone",
    "Terminated": "Zakończone",
    "The last day lies before the first.": "Ostatni dzień jest przed pierwszym.",
    "This day is still to come.": "Ten dzień jeszcze nie nadszedł.",
    "Those that are stand here with their tasks and errors.": (
        "Włączone moduły widać tu z ich zadaniami i błędami."
    ),
    "To": "Do",
    "What came and went, and what is there.": "Co przybyło, co ubyło i co jest.",
    "Why jobs failed": "Dlaczego zadania się nie udały",
    "from :count active services": "z aktywnych usług: :count",
    "jobs in the period": "zadania w okresie",
    "of all that ended": "wszystkich zakończonych",
    "services that were ordered": "zamówione usługi",
    "terminated or cancelled": "zakończone lub anulowane",
    "waiting for a module": "czekają na moduł",
    "View reports": "Przeglądanie raportów",
    "See reports on services, churn, provisioning and modules": (
        "Raporty o usługach, odejściach, realizacji i modułach"
    ),
    "View the income report": "Przeglądanie raportu o przychodach",
    "See what the active services bring in a month": "Ile aktywne usługi przynoszą miesięcznie",
}
