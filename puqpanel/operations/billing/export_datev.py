"""Sales as a DATEV-Format file: a `Buchungsstapel` that DATEV Rechnungswesen imports.

Header and columns are those of format version 13 with header version 700:
https://developer.datev.de/datev/platform/de/dtvf/formate/buchungsstapel (columns) and
https://developer.datev.de/datev/platform/de/dtvf/einstieg (header, quotes, separators). Texts are
quoted, fields separated by semicolons, decimals by commas, and lines end in CR LF.

Each tax group of a document is a posting of its gross amount: receivables to revenue for an
invoice, reversed for a credit note. The panel has no chart of accounts, so all use the two accounts
that staff enter; the additional information has the rate, by which DATEV's rules can choose others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.money import Money, exponent
from puqpanel.domain.spreadsheet import cell
from puqpanel.domain.texts import _
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Document, DocumentTax
from puqpanel.operations.billing.export_tables import rate_of, tax_minor
from puqpanel.operations.billing.exports import Selection

VERSION, CATEGORY, FORMAT_VERSION = 700, 21, 13
PLACES = 2
"""Decimals of amounts."""
END = "\r\n"
_NAMES = """\
Umsatz (ohne Soll/Haben-Kz);Soll/Haben-Kennzeichen;WKZ Umsatz;Kurs;Basis-Umsatz;WKZ Basis-Umsatz
Konto;Gegenkonto (ohne BU-Schlüssel);BU-Schlüssel;Belegdatum;Belegfeld 1;Belegfeld 2;Skonto
Buchungstext;Postensperre;Diverse Adressnummer;Geschäftspartnerbank;Sachverhalt;Zinssperre;Beleglink
8*Beleginfo - Art;Beleginfo - Inhalt
KOST1 - Kostenstelle;KOST2 - Kostenstelle;Kost-Menge;EU-Land u. UStID (Bestimmung)
EU-Steuersatz (Bestimmung);Abw. Versteuerungsart;Sachverhalt L+L;Funktionsergänzung L+L
BU 49 Hauptfunktionstyp;BU 49 Hauptfunktionsnummer;BU 49 Funktionsergänzung
20*Zusatzinformation - Art;Zusatzinformation- Inhalt
Stück;Gewicht;Zahlweise;Forderungsart;Veranlagungsjahr;Zugeordnete Fälligkeit;Skontotyp
Auftragsnummer;Buchungstyp;USt-Schlüssel (Anzahlungen);EU-Land (Anzahlungen)
Sachverhalt L+L (Anzahlungen);EU-Steuersatz (Anzahlungen);Erlöskonto (Anzahlungen);Herkunft-Kz
Buchungs GUID;KOST-Datum;SEPA-Mandatsreferenz;Skontosperre;Gesellschaftername;Beteiligtennummer
Identifikationsnummer;Zeichnernummer;Postensperre bis;Bezeichnung SoBil-Sachverhalt
Kennzeichen SoBil-Buchung;Festschreibung;Leistungsdatum;Datum Zuord. Steuerperiode;Fälligkeit
Generalumkehr (GU);Steuersatz;Land;Abrechnungsreferenz;BVV-Position
EU-Land u. UStID (Ursprung);EU-Steuersatz (Ursprung);Abw. Skontokonto
"""


def _columns() -> Iterator[str]:
    for line in _NAMES.splitlines():
        times, star, names = line.rpartition("*")
        for number in range(1, int(times or 1) + 1):
            yield from (f"{name} {number}" if star else name for name in names.split(";"))


COLUMNS = tuple(_columns())
"""The 125 columns of the format."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """What the tax adviser assigned.

    Args:
        consultant: number of the adviser, 1001 to 9999999.
        client: number of the company at the adviser, 1 to 99999.
        receivables: account of the receivables, such as 10000.
        revenue: account of the revenue, such as 4400.
    """

    consultant: int = 1001
    client: int = 1
    receivables: int = 10000
    revenue: int = 4400

    def check(self) -> None:
        """Check the numbers.

        Raises:
            InvalidInput: one is out of range.
        """
        ranges = {
            "consultant": (1001, 9_999_999),
            "client": (1, 99_999),
            "receivables": (1, 999_999_999),
            "revenue": (1, 99_999_999),
        }
        errors = {
            name: [_("Enter a number from %(lowest)s to %(highest)s.", lowest=low, highest=high)]
            for name, (low, high) in ranges.items()
            if not low <= getattr(self, name) <= high
        }
        if errors:
            raise InvalidInput(errors)

    @property
    def length(self) -> int:
        """Digits of general ledger accounts: 4 to 8."""
        return max(4, len(str(self.revenue)))


def datev_csv(
    selection: Selection, accounts: Accounts, documents: Iterable[Document]
) -> Iterator[str]:
    """Yield the file for documents that were issued in one calendar year.

    Raises:
        InvalidInput: a number of an account is out of range, or the days are of several years.
        ConflictError: a document is in a currency with more decimals than the format has.
    """
    accounts.check()
    if selection.start.year != selection.end.year:
        text = _("A DATEV file can only cover one year. Export each year separately.")
        raise InvalidInput({"end": [text]})
    used = sa.select(Document.currency).where(*selection.conditions()).distinct()
    if finer := sorted(code for code in session().scalars(used) if exponent(code) > PLACES):
        text = _(
            "Amounts in a DATEV file have two decimals, so it can't have the documents in"
            " %(currencies)s. Download the table of documents instead.",
            currencies=", ".join(finer),
        )
        raise ConflictError(text)
    return _file(selection, accounts, documents)


def _file(selection: Selection, accounts: Accounts, documents: Iterable[Document]) -> Iterator[str]:
    yield _header(selection, accounts) + END + ";".join(COLUMNS) + END
    for document in documents:
        for group in document.taxes:
            if group.net_minor or tax_minor(group):
                yield _posting(document, group, accounts) + END


def _header(selection: Selection, accounts: Accounts) -> str:
    stamp = now().strftime("%Y%m%d%H%M%S%f")[:17]
    fields = (
        *(_text("EXTF"), str(VERSION), str(CATEGORY), _text("Buchungsstapel")),
        *(str(FORMAT_VERSION), stamp, "", _text("RE"), _text(""), _text("")),
        *(str(accounts.consultant), str(accounts.client), f"{selection.start.year}0101"),
        *(str(accounts.length), f"{selection.start:%Y%m%d}", f"{selection.end:%Y%m%d}"),
        *(_text("Rechnungen", 30), _text(""), "1", "0", "0", _text("EUR")),
        *("", _text(""), "", "", _text(""), "", "", _text(""), _text("")),
    )
    return ";".join(fields)


def _posting(document: Document, group: DocumentTax, accounts: Accounts) -> str:
    assert document.issued_on is not None
    gross = Money(group.net_minor + tax_minor(group), document.currency)
    is_credit = (document.kind == DocumentKind.CREDIT_NOTE) != (gross.minor < 0)
    rate = rate_of(group)
    values = {
        "Umsatz (ohne Soll/Haben-Kz)": _decimal(abs(gross.major)),
        "Soll/Haben-Kennzeichen": _text("H" if is_credit else "S"),
        "WKZ Umsatz": _text(document.currency),
        "Konto": str(accounts.receivables),
        "Gegenkonto (ohne BU-Schlüssel)": str(accounts.revenue),
        "Belegdatum": _day_month(document.issued_on),
        "Belegfeld 1": _text(re.sub(r"[^A-Za-z0-9$&%*+\-/]", "-", document.number or ""), 36),
        "Buchungstext": _text(document.buyer.get("name") or "", 60),
        "EU-Land u. UStID (Bestimmung)": _text(document.buyer.get("vat_number") or "", 15),
        "Zusatzinformation - Art 1": _text("Steuer"),
        "Zusatzinformation- Inhalt 1": _text(
            group.category if rate is None else f"{group.category} {_decimal(rate)}"
        ),
        "Festschreibung": "0",
        "Leistungsdatum": f"{document.supplied_on:%d%m%Y}" if document.supplied_on else "",
        "Fälligkeit": f"{document.due_on:%d%m%Y}" if document.due_on else "",
    }
    return ";".join(values.get(name, "") for name in COLUMNS)


def _text(value: str, limit: int = 210) -> str:
    plain = "".join(letter if letter >= " " else " " for letter in cell(value))[:limit]
    return '"' + plain.replace('"', '""') + '"'


def _decimal(number: object) -> str:
    return f"{number:.{PLACES}f}".replace(".", ",")


def _day_month(day: date) -> str:
    return f"{day:%d%m}"
