"""Polish."""

LANG = {
    # What customers see
    "Overview": "Przegląd",
    "Console": "Konsola",
    "Snapshots": "Migawki",
    "Monitoring": "Monitoring",
    "State": "Stan",
    "Running": "Działa",
    "Switched off": "Wyłączony",
    "Being changed": "W trakcie zmian",
    "Not known just now": "Chwilowo nieznany",
    "The data centre does not answer. Try again in a minute.": (
        "Centrum danych nie odpowiada. Spróbuj ponownie za minutę."
    ),
    "Start server": "Uruchom serwer",
    "Leave it running": "Zostaw włączony",
    "Restart": "Uruchom ponownie",
    "Restart server": "Uruchom serwer ponownie",
    "Everything that runs in the server ends and begins again.": (
        "Wszystko, co działa na serwerze, zakończy się i zacznie od nowa."
    ),
    "Shut down": "Wyłącz",
    "Shut server down": "Wyłącz serwer",
    "The server cannot be reached until it is started again. It stays paid for.": (
        "Serwer będzie niedostępny, dopóki nie zostanie uruchomiony. Opłata nadal jest naliczana."
    ),
    "Force restart": "Wymuś ponowne uruchomienie",
    "Cut power and restart": "Odłącz zasilanie i uruchom",
    "For a server that hangs: its power is cut. What was not yet written to the disk is lost.": (
        "Dla serwera, który nie reaguje: zasilanie zostanie odcięte. Dane niezapisane jeszcze na"
        " dysku przepadną."
    ),
    "The server is being started.": "Serwer jest uruchamiany.",
    "The server is being shut down.": "Serwer jest wyłączany.",
    "The server is being restarted.": "Serwer jest uruchamiany ponownie.",
    "The power of the server is being cut and switched on again.": (
        "Zasilanie serwera jest odłączane i włączane ponownie."
    ),
    "Ask again": "Sprawdź ponownie",
    "Show the state of the server, and start or stop it": (
        "Pokaż stan serwera, uruchom go lub wyłącz"
    ),
    "Your server": "Twój serwer",
    "Your server is being prepared.": "Twój serwer jest przygotowywany.",
    "Processors": "Procesory",
    "Memory": "Pamięć",
    "Disk": "Dysk",
    "Traffic a month": "Transfer miesięczny",
    "Backups": "Kopie zapasowe",
    "Made regularly": "Tworzone regularnie",
    "None; take snapshots": "Brak; rób migawki",
    "System": "System",
    "Location": "Lokalizacja",
    "Access": "Dostęp",
    "IP address": "Adres IP",
    "Host name": "Nazwa hosta",
    "User": "Użytkownik",
    "Port": "Port",
    "First root password": "Pierwsze hasło użytkownika root",
    "Show first root password": "Pokaż pierwsze hasło użytkownika root",
    "The one that the server was made with. Change it in the server with passwd.": (
        "To, z którym utworzono serwer. Zmień je na serwerze poleceniem passwd."
    ),
    "Address, user and password stand here as soon as it is ready.": (
        "Adres, użytkownik i hasło pojawią się tutaj, gdy serwer będzie gotowy."
    ),
    "The way in stands here as soon as it is ready.": (
        "Sposób logowania pojawi się tutaj, gdy serwer będzie gotowy."
    ),
    "Sign in over SSH": "Logowanie przez SSH",
    "Enter this in a terminal. On Windows, use PowerShell or Terminal.": (
        "Wpisz to w terminalu. W systemie Windows użyj PowerShella lub Terminala."
    ),
    "Command": "Polecenie",
    "Open in an SSH program": "Otwórz w programie SSH",
    "If it does not answer": "Jeśli nie odpowiada",
    "A new server takes a minute or two after it is shown as running.": (
        "Nowy serwer potrzebuje minuty lub dwóch, zanim zacznie odpowiadać."
    ),
    "See on the tab Overview whether it runs, and restart it there.": (
        "Na karcie Przegląd sprawdź, czy działa, i uruchom go tam ponownie."
    ),
    "A firewall inside the server may have closed port 22. Support can reach it without the network.": (
        "Zapora na serwerze mogła zamknąć port 22. Pomoc techniczna ma do niego dostęp bez sieci."
    ),
    "After a snapshot was restored, SSH warns of a changed key. Remove the old one with": (
        "Po przywróceniu migawki SSH ostrzega o zmienionym kluczu. Stary usuń poleceniem"
    ),
    "Who you are": "Twoje dane",
    "SSH key": "Klucz SSH",
    "The one you gave": "Ten, który podano",
    "None; you sign in with the password": "Brak; logowanie hasłem",
    "Snapshots can be taken as soon as it is ready.": (
        "Migawki można robić, gdy serwer będzie gotowy."
    ),
    "The snapshots cannot be shown just now.": "Migawek nie można teraz pokazać.",
    "A snapshot is being taken.": "Trwa robienie migawki.",
    "That takes some minutes; the server goes on running.": (
        "Potrwa to kilka minut; serwer działa dalej."
    ),
    "A snapshot is being restored.": "Trwa przywracanie migawki.",
    "The server is off until that is done.": "Do tego czasu serwer jest wyłączony.",
    "Look again": "Sprawdź ponownie",
    "of": "z",
    "Take snapshot": "Zrób migawkę",
    "Name": "Nazwa",
    "What programs have not yet written to the disk is not in it. For a perfect copy, shut the server down first.": (
        "Nie obejmuje danych, których programy nie zapisały jeszcze na dysku. Aby kopia była"
        " dokładna, najpierw wyłącz serwer."
    ),
    "Size": "Rozmiar",
    "Taken": "Zrobiona",
    "Actions": "Działania",
    "Restore": "Przywróć",
    "The server is put back to how it was then. All that was written to it since is lost, and it is off for some minutes.": (
        "Serwer wróci do stanu z tamtej chwili. Wszystko, co zapisano później, przepadnie, a serwer"
        " będzie wyłączony przez kilka minut."
    ),
    "Restore this snapshot": "Przywróć tę migawkę",
    "Delete": "Usuń",
    "Delete for good": "Usuń na zawsze",
    "No snapshots yet": "Nie ma jeszcze migawek",
    "A snapshot is a copy of the whole disk, to go back to.": (
        "Migawka to kopia całego dysku, do której można wrócić."
    ),
    "Your plan has no snapshots": "Twój plan nie obejmuje migawek",
    "Ask support about a plan that has.": "Zapytaj pomoc techniczną o plan z migawkami.",
    "You have all the snapshots that your plan has room for. Delete one to take another.": (
        "Masz już tyle migawek, ile mieści plan. Usuń jedną, aby zrobić następną."
    ),
    "You have all the snapshots that your plan has room for. Delete one first.": (
        "Masz już tyle migawek, ile mieści plan. Najpierw usuń jedną."
    ),
    "Snapshots end with the service: they are deleted together with the server.": (
        "Migawki kończą się wraz z usługą: są usuwane razem z serwerem."
    ),
    "Give the snapshot a name of at most :count characters.": (
        "Nadaj migawce nazwę o długości do :count znaków."
    ),
    "The snapshot :name is being taken. That takes some minutes.": (
        "Migawka :name jest robiona. Potrwa to kilka minut."
    ),
    "The server is being put back to :name. It is off meanwhile.": (
        "Serwer wraca do stanu :name. W tym czasie jest wyłączony."
    ),
    "The snapshot :name is deleted.": "Migawka :name została usunięta.",
    "There is no such snapshot of this server.": "Ten serwer nie ma takiej migawki.",
    "The charts begin when it runs.": "Wykresy zaczną się, gdy serwer ruszy.",
    "Period": "Okres",
    "Last hour": "Ostatnia godzina",
    "Last 24 hours": "Ostatnie 24 godziny",
    "Last 7 days": "Ostatnie 7 dni",
    "There are no figures just now.": "Chwilowo nie ma danych.",
    "No figures yet": "Nie ma jeszcze danych",
    "They come from an agent in the server, every few minutes while it runs. Without the agent, or with its traffic blocked, there are none.": (
        "Przesyła je agent na serwerze, co kilka minut, gdy serwer działa. Bez agenta lub gdy jego"
        " ruch jest blokowany, danych nie ma."
    ),
    "CPU": "Procesor",
    "Incoming traffic": "Ruch przychodzący",
    "Outgoing traffic": "Ruch wychodzący",
    "now": "teraz",
    "at most": "najwyżej",
    "Times are UTC.": "Czas w UTC.",
    "The state of the server cannot be told just now.": "Stanu serwera nie można teraz ustalić.",
    "This is not possible just now: the service is suspended, or something is under way for it.": (
        "Teraz to niemożliwe: usługa jest zawieszona albo coś już się dla niej dzieje."
    ),
    "Something is already under way for this server. Try again when it is done.": (
        "Na tym serwerze coś już trwa. Spróbuj ponownie, gdy się zakończy."
    ),
    "No answer came, so this may have been done or not. Look again in a minute.": (
        "Odpowiedź nie nadeszła, więc nie wiadomo, czy to zrobiono. Sprawdź za minutę."
    ),
    "This is not possible in the state that the server is in.": (
        "W obecnym stanie serwera to niemożliwe."
    ),
    "The server cannot be reached just now. Try again in a minute.": (
        "Serwer jest teraz nieosiągalny. Spróbuj ponownie za minutę."
    ),
    # What staff see
    "DigitalOcean": "DigitalOcean",
    "Accounts": "Konta",
    "Account": "Konto",
    "Add account": "Dodaj konto",
    "Save account": "Zapisz konto",
    "Delete account": "Usuń konto",
    "Delete :name?": "Usunąć :name?",
    "Back": "Wróć",
    "Test connection": "Sprawdź połączenie",
    "The accounts that servers are made in. Their API tokens are kept encrypted.": (
        "Konta, na których powstają serwery. Ich tokeny API są przechowywane w postaci"
        " zaszyfrowanej."
    ),
    "Servers": "Serwery",
    "servers": "serwerów",
    "New servers": "Nowe serwery",
    "Accepted": "Przyjmowane",
    "Full": "Pełne",
    "No accounts yet": "Nie ma jeszcze kont",
    "Add the first one: a name, and an API token made in DigitalOcean's control panel.": (
        "Dodaj pierwsze: nazwę i token API utworzony w panelu DigitalOcean."
    ),
    ":name is kept. Test the connection before a customer needs it.": (
        "Zapisano :name. Sprawdź połączenie, zanim będzie potrzebne klientowi."
    ),
    ":name is changed.": "Zmieniono :name.",
    ":name is deleted.": "Usunięto :name.",
    ":name holds servers of :count services.": "Na :name są serwery usług: :count.",
    "Terminate these services first, or switch the account off for new servers.": (
        "Najpierw zakończ te usługi albo wyłącz konto dla nowych serwerów."
    ),
    "the panel's record of the account, with its token and the list of servers that are gone": (
        "wpis panelu o koncie, z tokenem i listą serwerów, których już nie ma"
    ),
    "The account at DigitalOcean and all that is in it stay as they are.": (
        "Konto w DigitalOcean i wszystko, co na nim jest, pozostaje bez zmian."
    ),
    "Empty keeps the one that is stored.": "Puste pole zachowuje zapisany.",
    "API token": "Token API",
    "Made in DigitalOcean's control panel under API, with full access or with these scopes: account and image: read; droplet: all; snapshot: read, delete; ssh_key and tag: read, create; actions, monitoring, regions and sizes: read.": (
        "Utworzony w panelu DigitalOcean w dziale API, z pełnym dostępem albo z zakresami: account"
        " i image: read; droplet: wszystkie; snapshot: read, delete; ssh_key i tag: read, create;"
        " actions, monitoring, regions i sizes: read."
    ),
    "API address": "Adres API",
    "DigitalOcean's own, unless requests go through a gateway of yours.": (
        "Adres DigitalOcean, chyba że zapytania idą przez własną bramę."
    ),
    "Servers at most": "Najwyżej serwerów",
    "0 for no limit of the panel's; DigitalOcean has its own.": (
        "0 oznacza brak limitu w panelu; DigitalOcean ma własny."
    ),
    "Take new servers": "Przyjmuj nowe serwery",
    "What staff call it.": "Nazwa dla personelu.",
    "Another account has this name.": "Inne konto ma tę nazwę.",
    "Enter it again: it goes to another address from now on.": (
        "Wpisz go ponownie: od teraz trafia pod inny adres."
    ),
    "The panel needs it to sign in.": "Panel potrzebuje go, aby się zalogować.",
    "A token is one word of letters, digits and underscores.": (
        "Token to jedno słowo z liter, cyfr i podkreśleń."
    ),
    "Write an address such as https://api.digitalocean.com.": (
        "Podaj adres taki jak https://api.digitalocean.com."
    ),
    "With http:// the token would travel unencrypted. Write https://.": (
        "Przez http:// token szedłby niezaszyfrowany. Wpisz https://."
    ),
    "Leave /v2 out of the address; it is added.": "Pomiń /v2 w adresie; zostanie dodane.",
    "Images": "Obrazy",
    "Image": "Obraz",
    "The systems that new servers can be made with. Servers keep theirs, whatever happens here.": (
        "Systemy, z którymi mogą powstawać nowe serwery. Istniejące serwery zachowują swoje."
    ),
    "Refresh from DigitalOcean": "Odśwież z DigitalOcean",
    "DigitalOcean's name": "Nazwa w DigitalOcean",
    "Offered no more": "Już nieoferowany",
    "Possible": "Możliwe",
    "Switch off": "Wyłącz",
    "Switch on": "Włącz",
    "Compared with DigitalOcean's list": "Porównano z listą DigitalOcean",
    "Not yet compared with what DigitalOcean offers today.": (
        "Jeszcze nie porównano z obecną ofertą DigitalOcean."
    ),
    "Add an account first: DigitalOcean answers only who has a token.": (
        "Najpierw dodaj konto: DigitalOcean odpowiada tylko temu, kto ma token."
    ),
    "DigitalOcean answered with no images at all, so the list was left as it is.": (
        "DigitalOcean nie podał żadnych obrazów, więc lista pozostała bez zmian."
    ),
    "The list is as DigitalOcean's now: :new new, :gone offered no more.": (
        "Lista zgadza się z DigitalOcean: nowych :new, już nieoferowanych :gone."
    ),
    ":name is switched on.": "Włączono :name.",
    ":name is switched off; servers that have it keep it.": (
        "Wyłączono :name; serwery, które go mają, zachowują go."
    ),
    "At DigitalOcean this is": "W DigitalOcean to",
    "in": "w",
    "of traffic": "transferu",
    "Server": "Serwer",
    "asked for, not yet known": "zamówiony, jeszcze nieznany",
    "Address": "Adres",
    "Region": "Region",
    "In DigitalOcean's control panel": "W panelu DigitalOcean",
    "for who can sign in to the account there": "dla osób, które mogą się tam zalogować na konto",
    "A server keeps what it was made with.": "Serwer zachowuje to, z czym powstał.",
    "This was not saved.": "Nie zapisano.",
    "CPU cores": "Rdzenie procesora",
    "Memory, MB": "Pamięć, MB",
    "Disk, GB": "Dysk, GB",
    "Bandwidth a month, GB": "Transfer miesięcznie, GB",
    "For servers whose service names no other.": "Dla serwerów, których usługa nie podaje innego.",
    "Where its servers are made.": "Gdzie powstają jego serwery.",
    "The first one with room": "Pierwsze, na którym jest miejsce",
    "Snapshots at most": "Najwyżej migawek",
    "What customers may keep; DigitalOcean bills each. 0 for none.": (
        "Ile mogą mieć klienci; DigitalOcean nalicza za każdą. 0 oznacza żadnej."
    ),
    "DigitalOcean's own, billed by a share of the server's price.": (
        "Kopie DigitalOcean, płatne jako część ceny serwera."
    ),
    "Empty: one is made up.": "Puste: zostanie wymyślona.",
    "SSH keys": "Klucze SSH",
    "Public keys, one a line. Ids and fingerprints of keys that the account has may stand here too.": (
        "Klucze publiczne, po jednym w wierszu. Mogą tu być też identyfikatory i odciski kluczy z"
        " konta."
    ),
    "At most :count keys.": "Najwyżej :count kluczy.",
    "Root password": "Hasło użytkownika root",
    "Empty: one is made up with the server.": "Puste: powstanie razem z serwerem.",
    "At least 12 characters: anybody on the internet may try to sign in.": (
        "Co najmniej 12 znaków: każdy w internecie może próbować się zalogować."
    ),
    "A server keeps the name that it was made with.": "Serwer zachowuje nazwę, z którą powstał.",
    "Another system needs another server.": "Inny system wymaga innego serwera.",
    "Put there at the first start. Who can sign in can change them.": (
        "Wgrane przy pierwszym uruchomieniu. Kto może się zalogować, może je zmienić."
    ),
}
