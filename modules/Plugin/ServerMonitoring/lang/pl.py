"""Polish."""

LANG = {
    "24 hours": "24 godziny",
    "30 days": "30 dni",
    "7 days": "7 dni",
    ":count failures in a row": "błędach z rzędu: :count",
    ":count not checked yet": "jeszcze niesprawdzone: :count",
    ":count paused": "wstrzymane: :count",
    ":name goes on.": ":name: wznowiono.",
    ":name is changed.": ":name: zmieniono.",
    ":name is deleted.": ":name: usunięto.",
    ":name is kept. The first result is here within a minute.": (
        ":name: zapisano. Pierwszy wynik pojawi się w ciągu minuty."
    ),
    ":name is made with the next run, within half a minute.": (
        ":name: sprawdzenie przy następnym przebiegu, w ciągu pół minuty."
    ),
    ":name is paused.": ":name: wstrzymano.",
    ":up up, :down down": "działa: :up, nie działa: :down",
    ":up up, :down down, :unable could not be checked.": (
        "Działa: :up, nie działa: :down, nie dało się sprawdzić: :unable."
    ),
    "A check asks a web address, a port or a host every minute, and tells when it goes down and when it comes back.": (
        "Kontrola pyta co minutę adres WWW, port lub host i powiadamia, gdy przestaje on działać i"
        " gdy wraca."
    ),
    "A web address such as https://example.com/status, or a host name or address for a port or a ping.": (
        "Adres WWW, np. https://example.com/status, a dla portu lub pinga nazwa albo adres hosta."
    ),
    "Actions": "Działania",
    "Add check": "Dodaj kontrolę",
    "All": "Wszystkie",
    "All :count": "Wszystkie (:count)",
    "Answer within": "Odpowiedź w ciągu",
    "Answer within, seconds": "Odpowiedź w ciągu, sekundy",
    "As long as this is so, the check tells neither up nor down: :reason.": (
        "Dopóki tak jest, kontrola nie powie, czy host działa: :reason."
    ),
    "Began": "Początek",
    "Belongs to": "Należy do",
    "CSV": "CSV",
    "Cannot tell": "Nie wiadomo",
    "Certificate": "Certyfikat",
    "Check": "Kontrola",
    "Check now": "Sprawdź teraz",
    "Check the certificate": "Sprawdzaj certyfikat",
    "Checks": "Kontrole",
    "Clear search": "Wyczyść wyszukiwanie",
    "Client": "Klient",
    "Delete :name?": "Usunąć :name?",
    "Delete check": "Usuń kontrolę",
    "Delete…": "Usuń…",
    "Down": "Nie działa",
    "Down after": "Nie działa po",
    "Down now": "Teraz nie działa",
    "Edit": "Edytuj",
    "Edit check": "Edytuj kontrolę",
    "Every": "Co",
    "Every, seconds": "Co ile sekund",
    "Expected status": "Oczekiwany status",
    "Expected text": "Oczekiwany tekst",
    "Failures in a row before it is down": "Ile błędów z rzędu oznacza awarię",
    "For a port check.": "Dla kontroli portu.",
    "For a port check: a TLS handshake must succeed as well. A web address says it by https.": (
        "Dla kontroli portu: musi się też udać nawiązanie TLS. Adres WWW mówi to przez https."
    ),
    "For a web address: it must stand on the page. Empty: anything.": (
        "Dla adresu WWW: musi być na stronie. Puste: cokolwiek."
    ),
    "For a web address: such as 200-299, 401. Empty: 200 to 299, after redirects.": (
        "Dla adresu WWW: np. 200-299, 401. Puste: od 200 do 299, po przekierowaniach."
    ),
    "For all checks.": "Dla wszystkich kontroli.",
    "How it stands": "Stan",
    "How often the checks were up and down stands here.": (
        "Tu widać, ile razy kontrole się udały, a ile nie."
    ),
    "How often, and for whom": "Jak często i dla kogo",
    "How the checked addresses answer, and which do not.": (
        "Jak odpowiadają sprawdzane adresy i które nie odpowiadają."
    ),
    "It is made with the next run, within half a minute.": (
        "Sprawdzenie przy następnym przebiegu, w ciągu pół minuty."
    ),
    "Keep daily figures and outages, days": "Przechowuj dane dzienne i awarie, dni",
    "Keep each result, days": "Przechowuj każdy wynik, dni",
    "Keep hourly figures, days": "Przechowuj dane godzinowe, dni",
    "Keep it": "Zachowaj",
    "Key figures": "Najważniejsze liczby",
    "Last result": "Ostatni wynik",
    "Lasted": "Trwała",
    "Latest outages": "Ostatnie awarie",
    "Leave user names and passwords out.": "Nie wpisuj nazw użytkowników ani haseł.",
    "Mean response time: between :low and :high ms": "Średni czas odpowiedzi: od :low do :high ms",
    "Monitoring": "Monitoring",
    "Monitoring settings": "Ustawienia monitoringu",
    "Name": "Nazwa",
    "Name or target": "Nazwa lub cel",
    "Networks that checks may reach besides the internet": (
        "Sieci dostępne dla kontroli poza internetem"
    ),
    "Next": "Dalej",
    "No check has this in its name or target.": "Żadna kontrola nie ma tego w nazwie ani w celu.",
    "No check stands so.": "Nie ma kontroli w tym stanie.",
    "No response times yet": "Nie ma jeszcze czasów odpowiedzi",
    "No results yet": "Nie ma jeszcze wyników",
    "None here": "Tu nic nie ma",
    "None so far.": "Dotąd żadnej.",
    "Not checked yet": "Jeszcze niesprawdzone",
    "Nothing is checked yet": "Jeszcze nic nie jest sprawdzane",
    "Nothing is down.": "Wszystko działa.",
    "Nothing matches": "Nic nie pasuje",
    "Nothing was due.": "Nie było nic do sprawdzenia.",
    "Off, any certificate will do.": "Wyłączone: wystarczy dowolny certyfikat.",
    "Older": "Starsze",
    "One a line, such as 10.20.0.0/16. Whoever may add checks can then find out what answers there.": (
        "Po jednej w wierszu, np. 10.20.0.0/16. Kto może dodawać kontrole, dowie się, co tam"
        " odpowiada."
    ),
    "Outages": "Awarie",
    "Pages": "Strony",
    "Pause": "Wstrzymaj",
    "Paused": "Wstrzymane",
    "Period": "Okres",
    "Ping": "Ping",
    "Pings:": "Pingi:",
    "Port": "Port",
    "Previous": "Wstecz",
    "Reason": "Powód",
    "Response": "Odpowiedź",
    "Response time": "Czas odpowiedzi",
    "Response time, 24 hours": "Czas odpowiedzi, 24 godziny",
    "Result": "Wynik",
    "Results": "Wyniki",
    "Results as CSV": "Wyniki jako CSV",
    "Results by hour": "Wyniki według godzin",
    "Results, one by one": "Pojedyncze wyniki",
    "Resume": "Wznów",
    "Save check": "Zapisz kontrolę",
    "Save settings": "Zapisz ustawienia",
    "Search checks": "Szukaj kontroli",
    "Service": "Usługa",
    "Settings": "Ustawienia",
    "Single results are kept for some days, hourly and daily figures longer.": (
        "Pojedyncze wyniki są przechowywane kilka dni, dane godzinowe i dzienne dłużej."
    ),
    "State": "Stan",
    "TLS failed: :reason.": "Błąd TLS: :reason.",
    "TLS on the port": "TLS na porcie",
    "Target": "Cel",
    "The UUID of a client or a service; messages about the check carry it.": (
        "UUID klienta lub usługi; niosą go powiadomienia o kontroli."
    ),
    "The check itself failed (:kind).": "Sama kontrola zawiodła (:kind).",
    "The connection failed: :reason.": "Połączenie nie powiodło się: :reason.",
    "The expected text is not on the page.": "Na stronie nie ma oczekiwanego tekstu.",
    "The page answered with status :status.": "Strona odpowiedziała statusem :status.",
    "The settings are kept.": "Ustawienia zostały zapisane.",
    "There is no client and no service with this UUID.": "Nie ma klienta ani usługi o tym UUID.",
    "There was no answer within :seconds s.": "Nie było odpowiedzi w ciągu :seconds s.",
    "They stand here as soon as something has answered.": "Pojawią się, gdy tylko coś odpowie.",
    "This is done at once and for good:": "To dzieje się od razu i na zawsze:",
    "Type": "Rodzaj",
    "Up": "Działa",
    "Uptime": "Dostępność",
    "Uptime, 24 hours": "Dostępność, 24 godziny",
    "Web address": "Adres WWW",
    "What counts as up": "Co oznacza, że działa",
    "What is asked, how often, and how it stands.": (
        "Co jest sprawdzane, jak często i z jakim wynikiem."
    ),
    "What is checked": "Co jest sprawdzane",
    "What is checked itself is not touched. To stop for a while, pause the check instead.": (
        "Sam cel pozostaje nietknięty. Aby przerwać na jakiś czas, wstrzymaj kontrolę."
    ),
    "When": "Kiedy",
    "Write a host name or an address, without http:// and without a port.": (
        "Wpisz nazwę hosta lub adres, bez http:// i bez portu."
    ),
    "Write a whole web address such as https://example.com/status.": (
        "Wpisz pełny adres WWW, np. https://example.com/status."
    ),
    "Write status codes such as 200 or 200-299, with commas between them.": (
        "Wpisz kody statusu, np. 200 lub 200-299, oddzielone przecinkami."
    ),
    "Write the port, 1 to 65535.": "Wpisz port, od 1 do 65535.",
    "any will do": "wystarczy dowolny",
    "cannot ping from here: :reason": "stąd nie można pingować: :reason",
    "cannot ping from here: the system lets the panel send no pings (net.ipv4.ping_group_range leaves its group out)": (
        "stąd nie można pingować: system nie pozwala panelowi wysyłać pingów"
        " (net.ipv4.ping_group_range nie obejmuje jego grupy)"
    ),
    "is checked": "jest sprawdzany",
    "its results, figures and outages": "jej wyniki, dane i awarie",
    "mean of all checks": "średnia wszystkich kontroli",
    "ms": "ms",
    "no": "nie",
    "no answer": "brak odpowiedzi",
    "not seen to end": "koniec nieznany",
    "now": "teraz",
    "of :total checks": "z :total kontroli",
    "since": "od",
    "the check of :target": "kontrola :target",
    "the first result comes within a minute": "pierwszy wynik w ciągu minuty",
    "yes": "tak",
    "“:line” is no network; write one such as 10.0.0.0/8.": (
        "„:line” nie jest siecią; wpisz np. 10.0.0.0/8."
    ),
    "View the monitoring dashboard": "Przeglądanie monitoringu",
    "See how all checks stand, uptime and response times": (
        "Stan wszystkich kontroli, dostępność i czasy odpowiedzi"
    ),
    "Manage checks": "Zarządzanie kontrolami",
    "See, add, change, pause and delete checks, and export what they found": (
        "Przeglądanie, dodawanie, zmiana, wstrzymywanie i usuwanie kontroli oraz eksport wyników"
    ),
    "Say which internal networks checks may reach, and how long results are kept": (
        "Które sieci wewnętrzne są dostępne dla kontroli i jak długo przechowuje się wyniki"
    ),
}
