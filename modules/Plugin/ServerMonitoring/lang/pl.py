"""Polish."""

LANG = {
    "1 failure": "1 błędzie",
    "24 hours": "24 godziny",
    "30 days": "30 dni",
    "7 days": "7 dni",
    ":count consecutive failures": "kolejnych błędach: :count",
    ":count not checked yet": "jeszcze niesprawdzone: :count",
    ":count paused": "wstrzymane: :count",
    ":name deleted.": "Usunięto: :name.",
    ":name paused.": "Wstrzymano: :name.",
    ":name resumed.": "Wznowiono: :name.",
    ":name saved.": "Zapisano: :name.",
    ":name saved. The first result arrives within a minute.": (
        "Zapisano: :name. Pierwszy wynik pojawi się w ciągu minuty."
    ),
    ":name will be checked within 30 seconds.": ":name: sprawdzenie w ciągu 30 sekund.",
    ":up up, :down down": "działa: :up, nie działa: :down",
    ":up up, :down down, :unable unknown.": "Działa: :up, nie działa: :down, nieznane: :unable.",
    (
        "A URL such as https://example.com/status, or a host name or IP address for ports and"
        " pings."
    ): (
        "Adres URL, np. https://example.com/status, a dla portów i pingów nazwa hosta lub adres IP."
    ),
    "Actions": "Działania",
    "Add check": "Dodaj kontrolę",
    "All": "Wszystkie",
    "All :count": "Wszystkie (:count)",
    "Cancel": "Anuluj",
    "Certificate": "Certyfikat",
    "Check": "Kontrola",
    "Check now": "Sprawdź teraz",
    "Checks": "Kontrole",
    "Checks test a target regularly and report when it goes down or recovers.": (
        "Kontrole regularnie sprawdzają cel i zgłaszają, gdy przestaje on działać lub wraca."
    ),
    "Clear search": "Wyczyść wyszukiwanie",
    "Client": "Klient",
    "Client or service": "Klient lub usługa",
    "Configuration": "Konfiguracja",
    "Connection failed: :reason.": "Połączenie nie powiodło się: :reason.",
    "Consecutive failures before down": "Liczba kolejnych błędów oznaczająca awarię",
    "Delete :name?": "Usunąć :name?",
    "Delete check": "Usuń kontrolę",
    "Delete…": "Usuń…",
    "Down": "Nie działa",
    "Down after": "Nie działa po",
    "Down now": "Teraz nie działa",
    "Duration": "Czas trwania",
    "Edit": "Edytuj",
    "Edit check": "Edytuj kontrolę",
    "end unknown": "koniec nieznany",
    "Enter a full URL such as https://example.com/status.": (
        "Wpisz pełny adres URL, np. https://example.com/status."
    ),
    "Enter a host name or IP address, without http:// and port.": (
        "Wpisz nazwę hosta lub adres IP, bez http:// i portu."
    ),
    "Enter a port from 1 to 65535.": "Wpisz port od 1 do 65535.",
    "Enter status codes such as 200 or 200-299, separated by commas.": (
        "Wpisz kody statusu, np. 200 lub 200-299, oddzielone przecinkami."
    ),
    "Expected status": "Oczekiwany status",
    "Expected text": "Oczekiwany tekst",
    "Export results (CSV)": "Eksportuj wyniki (CSV)",
    "first result within a minute": "pierwszy wynik w ciągu minuty",
    "For TCP ports.": "Dla portów TCP.",
    "For TCP ports. Websites use TLS if their URL starts with https://.": (
        "Dla portów TCP. Strony WWW używają TLS, jeśli ich adres zaczyna się od https://."
    ),
    "For websites, such as 200-299, 401. Default: 200 to 299, after redirects.": (
        "Dla stron WWW, np. 200-299, 401. Domyślnie od 200 do 299, po przekierowaniach."
    ),
    "For websites. The page must contain this text (optional).": (
        "Dla stron WWW. Strona musi zawierać ten tekst (opcjonalnie)."
    ),
    "Individual results": "Pojedyncze wyniki",
    "Individual results are kept for a few days, statistics longer.": (
        "Pojedyncze wyniki są przechowywane przez kilka dni, statystyki dłużej."
    ),
    "Internal networks open to checks": "Sieci wewnętrzne dostępne dla kontroli",
    "Interval": "Odstęp",
    "Interval (s)": "Odstęp (s)",
    "its results, statistics and outages": "jej wyniki, statystyki i awarie",
    "Keep daily statistics and outages (days)": "Przechowuj statystyki dzienne i awarie (dni)",
    "Keep hourly statistics (days)": "Przechowuj statystyki godzinowe (dni)",
    "Keep results (days)": "Przechowuj wyniki (dni)",
    "Last result": "Ostatni wynik",
    "Manage checks": "Zarządzanie kontrolami",
    "Manage monitoring settings": "Zarządzanie ustawieniami monitoringu",
    "mean of all checks": "średnia wszystkich kontroli",
    "Mean response time, :low to :high ms": "Średni czas odpowiedzi, od :low do :high ms",
    "Monitored targets and their status.": "Monitorowane cele i ich stan.",
    "Monitoring": "Monitoring",
    "Monitoring settings": "Ustawienia monitoringu",
    "ms": "ms",
    "Name": "Nazwa",
    "Name or target": "Nazwa lub cel",
    "Next": "Dalej",
    "No check has this text in its name or target.": (
        "Żadna kontrola nie ma tego tekstu w nazwie ani w celu."
    ),
    "No checks": "Brak kontroli",
    "No checks are down.": "Żadna kontrola nie zgłasza awarii.",
    "No checks have this status.": "Nie ma kontroli w tym stanie.",
    "No checks were due.": "Nie było kontroli do wykonania.",
    "No checks yet": "Nie ma jeszcze kontroli",
    "No client or service has this UUID.": "Nie ma klienta ani usługi o tym UUID.",
    "No matching checks": "Brak pasujących kontroli",
    "No outages yet.": "Nie było jeszcze awarii.",
    "no response": "brak odpowiedzi",
    "No response times yet": "Nie ma jeszcze czasów odpowiedzi",
    "No response within :seconds s.": "Brak odpowiedzi w ciągu :seconds s.",
    "No results yet": "Nie ma jeszcze wyników",
    "Not checked yet": "Jeszcze niesprawdzone",
    "Not required": "Niewymagane",
    "Not verified": "Niesprawdzany",
    "now": "teraz",
    "of :total checks": "z :total kontroli",
    "Older": "Starsze",
    "One per line, such as 10.20.0.0/16. Staff who can add checks can probe these networks.": (
        "Po jednej w wierszu, np. 10.20.0.0/16. Osoby, które mogą dodawać kontrole, mogą badać"
        " te sieci."
    ),
    "Outages": "Awarie",
    "Pages": "Strony",
    "Pause": "Wstrzymaj",
    "Paused": "Wstrzymane",
    "Period": "Okres",
    "Ping": "Ping",
    "Port": "Port",
    "Previous": "Wstecz",
    "Reason": "Powód",
    "Recent outages": "Ostatnie awarie",
    "Remove the user name and password.": "Usuń nazwę użytkownika i hasło.",
    "Require TLS": "Wymagaj TLS",
    "Required": "Wymagane",
    "Response": "Odpowiedź",
    "Response time": "Czas odpowiedzi",
    "Response time, 24 hours": "Czas odpowiedzi, 24 godziny",
    "Response times appear after the first response.": (
        "Czasy odpowiedzi pojawią się po pierwszej odpowiedzi."
    ),
    "Result": "Wynik",
    "Results": "Wyniki",
    "Results appear after the first check.": "Wyniki pojawią się po pierwszym sprawdzeniu.",
    "Results by hour": "Wyniki według godzin",
    "Resume": "Wznów",
    "Save check": "Zapisz kontrolę",
    "Save settings": "Zapisz ustawienia",
    "Schedule and owner": "Harmonogram i właściciel",
    "Search checks": "Szukaj kontroli",
    "Service": "Usługa",
    "Set the internal networks open to checks, and result retention": (
        "Ustalanie sieci wewnętrznych dostępnych dla kontroli i czasu przechowywania wyników"
    ),
    "Settings": "Ustawienia",
    "Settings saved.": "Zapisano ustawienia.",
    "since": "od",
    "Started": "Początek",
    "Status": "Stan",
    "Status and response times.": "Stan i czasy odpowiedzi.",
    "Success criteria": "Kryteria powodzenia",
    "Summary": "Podsumowanie",
    "Target": "Cel",
    "TCP port": "Port TCP",
    "The check failed internally (:kind).": "Wewnętrzny błąd kontroli (:kind).",
    "the check of :target": "kontrola :target",
    "The check runs within 30 seconds.": "Kontrola zostanie wykonana w ciągu 30 sekund.",
    "The page doesn't contain the expected text.": "Strona nie zawiera oczekiwanego tekstu.",
    "The page returned status :status.": "Strona zwróciła status :status.",
    "The panel can't send pings: :reason.": "Panel nie może wysyłać pingów: :reason.",
    "The panel can't send pings: net.ipv4.ping_group_range excludes its group.": (
        "Panel nie może wysyłać pingów: net.ipv4.ping_group_range nie obejmuje jego grupy."
    ),
    "The status of this check will be unknown. :reason": (
        "Stan tej kontroli będzie nieznany. :reason"
    ),
    "The target itself is not affected. You can pause the check instead.": (
        "Sam cel pozostaje bez zmian. Zamiast tego możesz wstrzymać kontrolę."
    ),
    "These settings apply to all checks.": "Te ustawienia dotyczą wszystkich kontroli.",
    "This permanently deletes:": "To trwale usunie:",
    "Time": "Czas",
    "Timeout": "Limit czasu",
    "Timeout (s)": "Limit czasu (s)",
    "TLS failed: :reason.": "Błąd TLS: :reason.",
    "Turn off to accept any certificate.": "Wyłącz, aby akceptować dowolny certyfikat.",
    "Type": "Rodzaj",
    "Unknown": "Nieznany",
    "Up": "Działa",
    "Uptime": "Dostępność",
    "Uptime, 24 hours": "Dostępność, 24 godziny",
    "UUID of a client or service, included in the events of this check.": (
        "UUID klienta lub usługi, zawarty w zdarzeniach tej kontroli."
    ),
    "Verified": "Sprawdzany",
    "Verify the TLS certificate": "Sprawdzaj certyfikat TLS",
    "View the monitoring dashboard": "Przeglądanie monitoringu",
    "View the status, uptime and response times of all checks": (
        "Przeglądanie stanu, dostępności i czasów odpowiedzi wszystkich kontroli"
    ),
    "View, add, edit, pause and delete checks, and export results": (
        "Przeglądanie, dodawanie, edycja, wstrzymywanie i usuwanie kontroli oraz eksport wyników"
    ),
    "Website": "Strona WWW",
    "“:line” is not a network. Enter one such as 10.0.0.0/8.": (
        "„:line” nie jest siecią. Wpisz np. 10.0.0.0/8."
    ),
}
