"""Statements in every format, amounts, dates, references and accounts; no panel needed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from modules.Payment.BankTransfer.services import camt, csv_files, mt940_files, texts
from modules.Payment.BankTransfer.services.accounts import account_for, parse_accounts
from modules.Payment.BankTransfer.services.csv_files import Layout
from modules.Payment.BankTransfer.services.parsed import ParsedLine, StatementError, digests
from modules.Payment.BankTransfer.services.references import (
    new_reference,
    numbers_in,
    references_in,
)

DAY = date(2026, 11, 2)
GERMAN = Layout(day="Buchungstag", amount="Betrag", payer="Name", text=["Zweck"])


def csv_of(*rows: str, head: str = "Buchungstag;Name;Zweck;Betrag") -> bytes:
    return "\n".join([head, *rows]).encode()


# CSV


def test_a_german_file_with_a_preamble_and_a_footer() -> None:
    content = (
        "Konto;DE89370400440532013000;;\r\n\r\nBuchungstag;Name;Zweck;Betrag\r\n"
        '02.11.2026;Änne Berg;"BT7K2M9QXA; Danke";1.021,90\r\n'
        "03.11.2026;Strom AG;Abschlag;-80,00\r\n04.11.2026;Notiz;;\r\nSaldo;;;941,90\r\n"
    ).encode("latin-1")
    parsed = csv_files.read(content, GERMAN, "EUR")
    (line,) = parsed.lines
    assert line == ParsedLine(
        DAY, Decimal("1021.90"), "EUR", "Änne Berg", "", "BT7K2M9QXA; Danke", ""
    )
    assert parsed.skipped == 2


def test_a_polish_file_in_windows_1250_with_credits_of_their_own() -> None:
    layout = Layout(
        day="Data",
        amount="Uznania",
        currency="Waluta",
        payer="Nadawca",
        payer_account="Rachunek",
        text=["Tytuł", "Opis"],
        bank_id="Nr",
    )
    content = (
        "Data,Nr,Nadawca,Rachunek,Tytuł,Opis,Obciążenia,Uznania,Waluta\n"
        '2026-11-02 08:15,77,Żółw Łukasz,\'PL61 1090,FV/2026/11/0001,,,"1 234,50",PLN\n'
        '2026-11-03,78,Sklep,,karta,,"12,00",,PLN\n'
    ).encode("cp1250")
    parsed = csv_files.read(content, layout, "EUR")
    assert parsed.lines == [
        ParsedLine(
            DAY, Decimal("1234.50"), "PLN", "Żółw Łukasz", "PL611090", "FV/2026/11/0001", "77"
        )
    ]
    assert parsed.skipped == 1


def test_a_column_says_credit_or_debit() -> None:
    layout = Layout(day="Day", amount="Sum", direction="Kind")
    content = csv_of("2026-11-02;5.00;H", "2026-11-02;6.00;S", head="Day;Sum;Kind")
    assert [line.amount for line in csv_files.read(content, layout, "EUR").lines] == [5]


def test_formulas_are_text() -> None:
    cell = '=HYPERLINK("http://evil.example";"x")'
    quoted = '"' + cell.replace('"', '""') + '"'
    content = csv_of(f"02.11.2026;@SUM(1);{quoted};5,00")
    (line,) = csv_files.read(content, GERMAN, "EUR").lines
    assert (line.payer, line.text) == ("@SUM(1)", cell)


@pytest.mark.parametrize(
    ("content", "layout", "problem"),
    [
        (b"", GERMAN, "no columns"),
        (b"hello", GERMAN, "no columns"),
        (b"PK\x03\x04abc", GERMAN, "not a text file"),
        (b"a\0b;c;d", GERMAN, "not a text file"),
        (csv_of("02.11.2026;A;B;5,00", head="Datum;Name;Zweck;Betrag"), GERMAN, "other columns"),
        (csv_of("02.11.2026;A;B;5,00x"), GERMAN, "Line 2 of the file: “5,00x”"),
        (csv_of("99.11.2026;A;B;5,00", "02.11.2026;A;B;5,00"), GERMAN, "Line 2 .*“99.11.2026”"),
        (csv_of("02.11.2026;A;B;1.234"), GERMAN, "comma or a point"),
        (csv_of("02.11.2026;A;B;1,5", "02.11.2026;A;B;1.5"), GERMAN, "comma or a point"),
        (csv_of("02/11/2026;A;B;5,00"), GERMAN, "format of the dates"),
        ("Ä;b;c\n1;2;3".encode("latin-1"), Layout(day="b", encoding="utf-8"), "encoding utf-8"),
        (csv_of('02.11.2026;"' + "x" * 200_000 + '";B;5,00'), GERMAN, "field larger"),
    ],
)
def test_unreadable_files(content: bytes, layout: Layout, problem: str) -> None:
    with pytest.raises(StatementError, match=problem):
        csv_files.read(content, layout, "EUR")


def test_what_was_chosen_is_not_detected() -> None:
    layout = Layout(**(vars(GERMAN) | {"mark": ".", "dates": "%m/%d/%Y"}))
    (line,) = csv_files.read(csv_of("11/02/2026;A;B;1,234"), layout, "EUR").lines
    assert (line.booked_on, line.amount) == (DAY, Decimal(1234))


def test_headings_that_repeat_are_numbered() -> None:
    rows = csv_files.table(b"Day,Name,Name,Sum\n2026-11-02,A,B,5\n")
    assert csv_files.headings(rows) == (0, ["Day", "Name", "Name (2)", "Sum"])


@pytest.mark.parametrize(
    ("text", "mark", "amount"),
    [
        ("21.90", ".", "21.90"),
        ("1 234,50", ",", "1234.50"),
        ("1\u00a0234,50 zł", ",", "1234.50"),
        ("1.234.567,8 EUR", ",", "1234567.8"),
        ("1'234.50", ".", "1234.50"),
        ("€5", ".", "5"),
        ("+5,00", ",", "5.00"),
        ("(5.00)", ".", "-5.00"),
        ("5,00-", ",", "-5.00"),
        ("\u22125,00", ",", "-5.00"),
    ],
)
def test_amounts(text: str, mark: str, amount: str) -> None:
    assert texts.parse_amount(text, mark) == Decimal(amount)


@pytest.mark.parametrize("text", ["", "x", "1,2,3", "12.34.5", "1e5", "NaN", "٣", "9" * 30, "--5"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError):
        texts.parse_amount(text, ".")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Zażółć gęślą", "utf-8"),
        ("Zażółć gęślą", "utf-8-sig"),
        ("Zażółć gęślą", "cp1250"),
        ("Łódź", "cp1250"),
        ("Müller, Café", "latin-1"),
        ("Žižkov", "cp1250"),
        ("Zażółć", "utf-16"),
    ],
)
def test_encodings_are_detected(text: str, encoding: str) -> None:
    assert texts.decode(text.encode(encoding)) == text


# CAMT.053

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.%s"


def camt_of(*entries: str, version: str = "02", iban: str = "DE89370400440532013000") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{NAMESPACE % version}">'
        f"<BkToCstmrStmt><Stmt><Acct><Id><IBAN>{iban}</IBAN></Id></Acct>{''.join(entries)}"
        "</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def entry(
    amount: str = "21.90",
    details: str = "",
    kind: str = "CRDT",
    status: str = "<Sts>BOOK</Sts>",
    further: str = "",
) -> str:
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{kind}</CdtDbtInd>{further}{status}'
        f"<BookgDt><Dt>2026-11-02</Dt></BookgDt><AcctSvcrRef>E-1</AcctSvcrRef>"
        f"<NtryDtls>{details}</NtryDtls></Ntry>"
    )


def transaction(amount: str, name: str, title: str, id: str = "") -> str:
    return (
        f"<TxDtls><Refs>{f'<AcctSvcrRef>{id}</AcctSvcrRef>' if id else ''}"
        f"<EndToEndId>NOTPROVIDED</EndToEndId></Refs>"
        f'<AmtDtls><TxAmt><Amt Ccy="EUR">{amount}</Amt></TxAmt></AmtDtls>'
        f"<RltdPties><Dbtr><Nm>{name}</Nm></Dbtr>"
        f"<DbtrAcct><Id><IBAN>DE02120300000000202051</IBAN></Id></DbtrAcct></RltdPties>"
        f"<RmtInf><Ustrd>{title}</Ustrd></RmtInf></TxDtls>"
    )


def test_camt_of_one_transfer() -> None:
    parsed = camt.read(camt_of(entry(details=transaction("21.90", "Anna Berg", "BT7K2M9QXA"))))
    assert parsed.account == "DE89370400440532013000"
    assert parsed.lines == [
        ParsedLine(
            DAY,
            Decimal("21.90"),
            "EUR",
            "Anna Berg",
            "DE02120300000000202051",
            "BT7K2M9QXA",
            "E-1",
        )
    ]


def test_a_newer_version_of_camt() -> None:
    details = transaction("21.90", "", "x").replace("<Nm></Nm>", "<Pty><Nm>Anna Berg</Nm></Pty>")
    newer = entry(details=details, status="<Sts><Cd>BOOK</Cd></Sts>")
    (line,) = camt.read(camt_of(newer, version="08")).lines
    assert line.payer == "Anna Berg"


def test_a_sum_of_several_transfers_is_split() -> None:
    both = transaction("20.00", "A", "one", "T-1") + transaction("1.90", "B", "two")
    lines = camt.read(camt_of(entry(details=both))).lines
    assert [(line.amount, line.payer, line.bank_id) for line in lines] == [
        (Decimal("20.00"), "A", "T-1"),
        (Decimal("1.90"), "B", ""),
    ]
    unequal = transaction("20.00", "A", "one") + transaction("5.00", "B", "two")
    (line,) = camt.read(camt_of(entry(details=unequal))).lines
    assert line.amount == Decimal("21.90"), "the parts do not add up"


def test_other_entries_are_skipped() -> None:
    parsed = camt.read(
        camt_of(
            entry(kind="DBIT"),
            entry(status="<Sts>PDNG</Sts>"),
            entry(further="<RvslInd>true</RvslInd>"),
        )
    )
    assert (parsed.lines, parsed.skipped) == ([], 3)


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "x"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    b"<Document><BkToCstmrStmt><Stmt><x>&a;&f;</x></Stmt></BkToCstmrStmt></Document>"
)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"<", "damaged"),
        (b"<a/>", "not a CAMT.053"),
        (camt_of()[:-20], "damaged"),
        (BOMB, "document type"),
        (camt_of(entry(amount="x")), "“x” is not an amount"),
        (camt_of(entry(amount="NaN")), "not an amount"),
        (camt_of(entry().replace("2026-11-02", "2026-99-02")), "not a date"),
        (
            camt_of().replace(
                b"</BkToCstmrStmt>",
                b"<Stmt><Acct><Id><IBAN>X</IBAN></Id></Acct></Stmt></BkToCstmrStmt>",
            ),
            "more than one account",
        ),
    ],
)
def test_unreadable_camt(content: bytes, problem: str) -> None:
    with pytest.raises(StatementError, match=problem):
        camt.read(content)


# MT940


def mt940_of(*lines: str, account: str = "37040044/0532013000") -> bytes:
    head = [":20:STARTUMS", f":25:{account}", ":28C:1", ":60F:C261101EUR1000,00"]
    return "\r\n".join([*head, *lines, ":62F:C261102EUR1000,00", "-", ""]).encode()


def test_mt940_of_german_and_polish_banks() -> None:
    parsed = mt940_files.read(
        mt940_of(
            ":61:2611021102CR21,90N051NONREF//B-1",
            ":86:166?00GUTSCHRIFT?20EREF+E2E-1?21SVWZ+BT7K2M9",
            "?22QX thanks?31DE02120300000000202051?32ANNA BERG",
            ":61:2611021102C5,00NTRFREF5",
            ":86:020~00BX~20title BT7K~212M9QXA~32Łukasz Żółw~38PL61109010140000071219812874",
            ":61:2611021102C7,00NTRFNONREF",
            ":86:FV/2026/11/0001",
            "second line",
            ":61:2611021102D5,00NMSCNONREF",
            ":86:fee",
            ":61:2611021102RC7,00NMSCNONREF",
            ":86:returned",
        )
    )
    assert parsed.account == "37040044/0532013000"
    assert parsed.skipped == 2
    german, polish, plain = parsed.lines
    assert german == ParsedLine(
        DAY,
        Decimal("21.90"),
        "EUR",
        "ANNA BERG",
        "DE02120300000000202051",
        "BT7K2M9QX thanks E2E-1",
        "B-1",
    )
    assert (polish.payer, polish.payer_account, polish.text) == (
        "Łukasz Żółw",
        "PL61109010140000071219812874",
        "title BT7K2M9QXA REF5",
    )
    assert (plain.text, plain.bank_id) == ("FV/2026/11/0001 second line", "")


@pytest.mark.parametrize(
    "content",
    [
        mt940_of(":61:garbage", ":86:x"),
        mt940_of(":61:2699991102C5,00NTRFREF5"),
        mt940_of(":61:2611021102C,NTRFREF5"),
    ],
)
def test_unreadable_mt940(content: bytes) -> None:
    with pytest.raises(StatementError, match="could not be read"):
        mt940_files.read(content)


def test_the_text_of_a_file_is_never_the_name_of_one(tmp_path: Path) -> None:
    file = tmp_path / "other.sta"
    file.write_bytes(mt940_of(":61:2611021102C7,00NTRFNONREF", ":86:secret"))
    assert mt940_files.read(str(file).encode()).lines == []
    assert not mt940_files.is_mt940(str(file).encode())


# Lines


def test_equal_lines_are_numbered_and_ids_identify() -> None:
    line = ParsedLine(DAY, Decimal("5.00"), "EUR", "A", "", "rent")
    same = ParsedLine(DAY, Decimal("5.0"), "EUR", "A", "", " rent ")
    first, second, third = (digest for digest, _ in digests("X", [line, same, line]))
    assert len({first, second, third}) == 3
    assert [digest for digest, _ in digests("X", [line, line])] == [first, second]
    assert [digest for digest, _ in digests("Y", [line])] != [first]
    with_id = ParsedLine(DAY, Decimal("5.00"), "EUR", "A", "", "rent", "7")
    reworded = ParsedLine(DAY, Decimal("5.00"), "EUR", "A.", "", "rent, November", "7")
    assert [one for one, _ in digests("X", [with_id])] == [
        one for one, _ in digests("X", [reworded])
    ]


# References and accounts


def test_references_survive_what_payers_and_banks_do() -> None:
    reference = new_reference()
    assert references_in(reference) == {reference}
    assert "BT10K2M9QX" in references_in("bt i0k2 m9-qx / thanks")
    assert "BT0000011A" in references_in("XBTOOOOOLIA")
    assert references_in("nothing BT123") == set()


def test_numbers_in_texts() -> None:
    found = numbers_in("payment for fv/2026/11/0001, and 2026 7 or 12")
    assert {"FV/2026/11/0001", "2026/7", "2026-7"} <= found
    assert "12" not in found and "PAYMENT" not in found
    assert numbers_in("word " * 500) == set()
    assert len(numbers_in("1234 " * 500)) < 2000


def test_accounts() -> None:
    first, second = parse_accounts(
        "EUR; Lumen; de89 3704 0044 0532 0130 00; COBADEFFXXX; Bank\n\nGBP;Lumen;12-34-56 1234"
    )
    assert (first.compact, first.shown) == (
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
    )
    assert not second.is_iban and second.shown == "12-34-56 1234"
    assert account_for([first, second], "GBP") is second
    assert account_for([first, second], "USD") is first
    assert account_for([], "USD") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "at least one"),
        ("EUR, Lumen, DE89", "Line 1: Separate"),
        ("EUR;;DE89370400440532013000", "Line 1: Separate"),
        ("Euro;Lumen;DE89370400440532013000", "Line 1: Begin"),
        ("EUR;Lumen;DE89370400440532013001", "Line 1: Invalid IBAN"),
        ("EUR;Lumen;DE89370400440532013000;X", "Line 1: Invalid BIC"),
        ("EUR;L;1\nEUR;L;2", "Line 2: EUR has an account"),
        ("EUR;" + "x" * 71 + ";1", "Line 1: A part"),
    ],
)
def test_invalid_accounts(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_accounts(text)
