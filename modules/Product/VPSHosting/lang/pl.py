"""Polish."""

LANG = {
    # Client area
    "Overview": "Przegląd",
    "Console": "Konsola",
    "Snapshots": "Migawki",
    "Monitoring": "Monitorowanie",
    "Status": "Stan",
    "Running": "Działa",
    "Stopped": "Wyłączony",
    "Updating": "Aktualizowany",
    "Unknown": "Nieznany",
    "The data centre is not responding. Try again in a minute.": (
        "Centrum danych nie odpowiada. Spróbuj ponownie za minutę."
    ),
    "Try again in a minute.": "Spróbuj ponownie za minutę.",
    "Start server": "Uruchom serwer",
    "Cancel": "Anuluj",
    "Restart": "Uruchom ponownie",
    "Restart server": "Uruchom serwer ponownie",
    "All running programs will be restarted.": (
        "Wszystkie działające programy zostaną uruchomione ponownie."
    ),
    "Shut down": "Wyłącz",
    "Shut down server": "Wyłącz serwer",
    "The server is offline until you start it. Billing continues.": (
        "Serwer będzie niedostępny do ponownego uruchomienia. Opłaty są nadal naliczane."
    ),
    "Force restart": "Wymuś ponowne uruchomienie",
    "Cut power and restart": "Odłącz zasilanie i uruchom",
    "Use this if the server does not respond. Unsaved data is lost.": (
        "Użyj, jeśli serwer nie odpowiada. Niezapisane dane przepadną."
    ),
    "The server is starting.": "Serwer jest uruchamiany.",
    "The server is shutting down.": "Serwer jest wyłączany.",
    "The server is restarting.": "Serwer jest uruchamiany ponownie.",
    "The server is being power-cycled.": "Zasilanie serwera jest odłączane i włączane ponownie.",
    "Refresh": "Odśwież",
    "Show server status and controls": "Pokaż stan serwera i sterowanie",
    "Your server": "Twój serwer",
    "We're preparing your server.": "Przygotowujemy Twój serwer.",
    "CPU cores": "Rdzenie procesora",
    "Memory": "Pamięć",
    "Disk": "Dysk",
    "Monthly traffic": "Transfer miesięczny",
    "Backups": "Kopie zapasowe",
    "Included": "W cenie",
    "Not included": "Brak",
    "Operating system": "System operacyjny",
    "Location": "Lokalizacja",
    "Sign-in details": "Dane logowania",
    "IP address": "Adres IP",
    "Host name": "Nazwa hosta",
    "User name": "Nazwa użytkownika",
    "Port": "Port",
    "Initial root password": "Początkowe hasło użytkownika root",
    "Show initial root password": "Pokaż początkowe hasło użytkownika root",
    "Set when the server was created. Change it on the server with passwd.": (
        "Ustawione podczas tworzenia serwera. Zmień je na serwerze poleceniem passwd."
    ),
    "Your sign-in details appear here once it is ready.": (
        "Dane logowania pojawią się tutaj, gdy serwer będzie gotowy."
    ),
    "Connect with SSH": "Połączenie przez SSH",
    "Run this command in a terminal (on Windows, in PowerShell).": (
        "Uruchom to polecenie w terminalu (w systemie Windows: w PowerShellu)."
    ),
    "Command": "Polecenie",
    "Open in SSH client": "Otwórz w kliencie SSH",
    "Troubleshooting": "Rozwiązywanie problemów",
    "A new server can take a minute or two to accept connections.": (
        "Nowy serwer może przyjmować połączenia dopiero po minucie lub dwóch."
    ),
    "Check on the Overview tab that the server is running.": (
        "Sprawdź na karcie Przegląd, czy serwer działa."
    ),
    "A firewall on the server may block port 22. Support can help.": (
        "Zapora na serwerze może blokować port 22. Pomoc techniczna może to rozwiązać."
    ),
    "Restoring a snapshot may change the host key. Remove the old one with": (
        "Przywrócenie migawki może zmienić klucz hosta. Stary usuń poleceniem"
    ),
    "SSH key": "Klucz SSH",
    "The one you provided": "Podany przez Ciebie",
    "None, use the password": "Brak, użyj hasła",
    "You can take snapshots once it is ready.": "Migawki można tworzyć, gdy serwer będzie gotowy.",
    "Snapshots are temporarily unavailable.": "Migawki są chwilowo niedostępne.",
    "Taking a snapshot.": "Trwa tworzenie migawki.",
    "This takes a few minutes. The server keeps running.": (
        "Potrwa to kilka minut. Serwer nadal działa."
    ),
    "Restoring a snapshot.": "Trwa przywracanie migawki.",
    "The server is off until this completes.": "Do zakończenia serwer jest wyłączony.",
    "of": "z",
    "Take snapshot": "Utwórz migawkę",
    "Name": "Nazwa",
    "For a consistent copy, shut down the server first.": (
        "Aby kopia była spójna, najpierw wyłącz serwer."
    ),
    "Size": "Rozmiar",
    "Created": "Utworzono",
    "Actions": "Działania",
    "Restore": "Przywróć",
    "The server is reset to this snapshot and is off for a few minutes.": (
        "Serwer wróci do stanu z tej migawki i będzie wyłączony przez kilka minut."
    ),
    "Everything written since then is lost.": "Wszystko, co zapisano później, przepadnie.",
    "Restore snapshot": "Przywróć migawkę",
    "Delete": "Usuń",
    "Delete permanently": "Usuń trwale",
    "No snapshots yet": "Nie ma jeszcze migawek",
    "A snapshot is a copy of the whole disk that you can restore later.": (
        "Migawka to kopia całego dysku, którą można później przywrócić."
    ),
    "Your plan doesn't include snapshots": "Twój plan nie obejmuje migawek",
    "Ask support about plans with snapshots.": "Zapytaj pomoc techniczną o plany z migawkami.",
    "Snapshot limit reached. Delete a snapshot to take another.": (
        "Osiągnięto limit migawek. Usuń jedną, aby utworzyć następną."
    ),
    "Snapshots are deleted with the server when the service ends.": (
        "Po zakończeniu usługi migawki są usuwane razem z serwerem."
    ),
    "Enter a name of up to :count characters.": "Podaj nazwę o długości do :count znaków.",
    "Taking snapshot :name. This takes a few minutes.": (
        "Trwa tworzenie migawki :name. Potrwa to kilka minut."
    ),
    "Restoring :name. The server is off until this completes.": (
        "Trwa przywracanie migawki :name. Do zakończenia serwer jest wyłączony."
    ),
    "Snapshot :name deleted.": "Usunięto migawkę :name.",
    "This server has no such snapshot.": "Ten serwer nie ma takiej migawki.",
    "Charts appear once it is running.": "Wykresy pojawią się, gdy serwer będzie działał.",
    "Period": "Okres",
    "Last hour": "Ostatnia godzina",
    "Last 24 hours": "Ostatnie 24 godziny",
    "Last 7 days": "Ostatnie 7 dni",
    "Monitoring data is temporarily unavailable.": "Dane monitorowania są chwilowo niedostępne.",
    "No data yet": "Nie ma jeszcze danych",
    "An agent on the server sends data every few minutes while the server is running.": (
        "Gdy serwer działa, agent na serwerze przesyła dane co kilka minut."
    ),
    "CPU usage": "Użycie procesora",
    "Incoming traffic": "Ruch przychodzący",
    "Outgoing traffic": "Ruch wychodzący",
    "latest": "ostatnio",
    "peak": "maksimum",
    "Times are in UTC.": "Czas w UTC.",
    "The server can't be changed while it is suspended or being updated.": (
        "Serwera nie można zmienić, gdy jest zawieszony lub aktualizowany."
    ),
    "Another action is in progress. Try again when it completes.": (
        "Trwa inna operacja. Spróbuj ponownie, gdy się zakończy."
    ),
    "The change may or may not have been applied. Check again in a minute.": (
        "Nie wiadomo, czy zmiana została wprowadzona. Sprawdź ponownie za minutę."
    ),
    "The server's current status doesn't allow this.": "Bieżący stan serwera na to nie pozwala.",
    # Admin area
    "DigitalOcean": "DigitalOcean",
    "Accounts": "Konta",
    "Account": "Konto",
    "Add account": "Dodaj konto",
    "Save account": "Zapisz konto",
    "Delete account": "Usuń konto",
    "Delete :name?": "Usunąć :name?",
    "Back": "Wróć",
    "Test connection": "Sprawdź połączenie",
    "Accounts for new servers. API tokens are stored encrypted.": (
        "Konta dla nowych serwerów. Tokeny API są przechowywane w postaci zaszyfrowanej."
    ),
    "Servers": "Serwery",
    "New servers": "Nowe serwery",
    "Accepted": "Przyjmowane",
    "Full": "Pełne",
    "Not accepted": "Nieprzyjmowane",
    "No accounts yet": "Nie ma jeszcze kont",
    "Add an account with an API token from DigitalOcean's control panel.": (
        "Dodaj konto z tokenem API z panelu DigitalOcean."
    ),
    ":name saved. Test the connection now.": "Zapisano :name. Sprawdź teraz połączenie.",
    ":name saved.": "Zapisano :name.",
    ":name deleted.": "Usunięto :name.",
    ":name has the server of a service.": "Na koncie :name jest serwer usługi.",
    ":name has the servers of :count services.": "Na koncie :name są serwery usług (:count).",
    "Terminate these services first, or turn off “Accept new servers”.": (
        "Najpierw zakończ te usługi albo wyłącz przyjmowanie serwerów na tym koncie."
    ),
    "the account's API token, and its list of terminated servers": (
        "token API konta i lista zakończonych serwerów"
    ),
    "The DigitalOcean account and its resources are not affected.": (
        "Konto w DigitalOcean i wszystko, co się na nim znajduje, pozostaje bez zmian."
    ),
    "Leave blank to keep the current value.": "Pozostaw puste, aby zachować obecną wartość.",
    "API token": "Token API",
    (
        "Create it in DigitalOcean's control panel under API, with full access or these scopes:"
        " account and image: read; droplet: all; snapshot: read, delete; ssh_key and tag: read,"
        " create; actions, monitoring, regions and sizes: read."
    ): (
        "Utwórz go w panelu DigitalOcean w dziale API, z pełnym dostępem lub zakresami: account"
        " i image: read; droplet: wszystkie; snapshot: read, delete; ssh_key i tag: read,"
        " create; actions, monitoring, regions i sizes: read."
    ),
    "API URL": "Adres URL API",
    "Change it only if you use a proxy.": (
        "Zmień tylko wtedy, gdy żądania przechodzą przez własną bramę."
    ),
    "Server limit": "Limit serwerów",
    "0 for no limit. DigitalOcean's own limit also applies.": (
        "0 oznacza brak limitu. DigitalOcean ma własny limit."
    ),
    "Accept new servers": "Przyjmuj nowe serwery",
    "Shown to staff.": "Widoczna dla personelu.",
    "Another account has this name.": "Inne konto ma tę nazwę.",
    "Enter the token again, because the API URL has changed.": (
        "Podaj token ponownie, ponieważ zmienił się adres URL API."
    ),
    "Enter an API token.": "Podaj token API.",
    "A token is a single word without spaces.": "Token to jedno słowo bez spacji.",
    "Enter a URL such as https://api.digitalocean.com.": (
        "Podaj adres URL, na przykład https://api.digitalocean.com."
    ),
    "With http://, the token is sent unencrypted. Use https://.": (
        "Przez http:// token jest przesyłany bez szyfrowania. Użyj https://."
    ),
    "Remove /v2 from the URL; it is added automatically.": (
        "Usuń /v2 z adresu URL; jest dodawane automatycznie."
    ),
    "Images": "Obrazy",
    "Image": "Obraz",
    "Operating systems for new servers. Existing servers are not affected.": (
        "Systemy operacyjne dla nowych serwerów. Istniejące serwery pozostają bez zmian."
    ),
    "Update from DigitalOcean": "Zaktualizuj z DigitalOcean",
    "DigitalOcean slug": "Identyfikator w DigitalOcean",
    "Withdrawn": "Wycofany",
    "Available": "Dostępny",
    "Inactive": "Nieaktywny",
    "Activate": "Aktywuj",
    "Deactivate": "Dezaktywuj",
    "Updated from DigitalOcean": "Zaktualizowano z DigitalOcean",
    "Not yet updated from DigitalOcean.": "Jeszcze nie zaktualizowano z DigitalOcean.",
    "Add an account first. DigitalOcean requires an API token.": (
        "Najpierw dodaj konto. DigitalOcean wymaga tokenu API."
    ),
    "DigitalOcean returned no images, so the list was not changed.": (
        "DigitalOcean nie zwrócił żadnych obrazów, więc lista pozostała bez zmian."
    ),
    "Images updated: :new new, :withdrawn withdrawn.": (
        "Zaktualizowano obrazy: nowe :new, wycofane :withdrawn."
    ),
    ":name activated.": "Aktywowano :name.",
    ":name deactivated. Existing servers are not affected.": (
        "Dezaktywowano :name. Istniejące serwery pozostają bez zmian."
    ),
    "DigitalOcean size": "Rozmiar w DigitalOcean",
    "region": "region",
    "CPU": "CPU",
    "disk": "dysku",
    "traffic": "transferu",
    "Server": "Serwer",
    "Requested": "Zamówiony",
    "Region": "Region",
    "Open in DigitalOcean's control panel": "Otwórz w panelu DigitalOcean",
    "(requires access to the account)": "(wymaga dostępu do konta)",
    "Can't be changed after creation.": "Nie można zmienić po utworzeniu.",
    "The service was not saved.": "Usługa nie została zapisana.",
    "Memory (MB)": "Pamięć (MB)",
    "Disk (GB)": "Dysk (GB)",
    "Monthly traffic (GB)": "Transfer miesięczny (GB)",
    "Used unless the service selects another one.": "Używany, jeśli usługa nie wskazuje innego.",
    "New servers are created in this account.": "Na tym koncie powstają nowe serwery.",
    "First account with capacity": "Pierwsze konto z wolnym miejscem",
    "Snapshot limit": "Limit migawek",
    "Snapshots per server; DigitalOcean bills each one. 0 for none.": (
        "Liczba migawek na serwer; DigitalOcean nalicza opłatę za każdą. 0 oznacza brak migawek."
    ),
    "DigitalOcean charges a percentage of the server's price.": (
        "Tworzone przez DigitalOcean za procent ceny serwera."
    ),
    "Leave blank to generate one.": "Pozostaw puste, aby wygenerować.",
    "SSH keys": "Klucze SSH",
    "Public keys, or IDs and fingerprints of keys in the account; one per line.": (
        "Klucze publiczne albo identyfikatory i odciski kluczy z konta; po jednym w wierszu."
    ),
    "Enter at most :count keys.": "Podaj najwyżej :count kluczy.",
    "Root password": "Hasło użytkownika root",
    "Use at least :count characters.": "Użyj co najmniej :count znaków.",
    "To use another image, create another server.": "Aby użyć innego obrazu, utwórz inny serwer.",
    "Installed when the server was created. Change them on the server.": (
        "Zainstalowane podczas tworzenia serwera. Zmień je na serwerze."
    ),
}
