"""EN 16931 as UBL 2.1 Invoice or CreditNote, the syntax of Peppol."""

from __future__ import annotations

from datetime import timedelta

from puqpanel.domain.documents import DocumentData, DocumentKind
from puqpanel.domain.money import Money
from puqpanel.domain.tax import TaxCategory
from puqpanel.infra.documents import en16931
from puqpanel.infra.documents.en16931 import Breakdown, Identified, Invoice, Item, amount, decimal
from puqpanel.infra.documents.transfer_codes import compact_iban
from puqpanel.infra.documents.xml import Node, serialize, to_element
from puqpanel.infra.documents.xml import node as _e

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_COMMON: dict[str | None, str] = {
    "cac": f"{_UBL}CommonAggregateComponents-2",
    "cbc": f"{_UBL}CommonBasicComponents-2",
}


class _Syntax:
    """Invoices and credit notes differ in the names of a few elements."""

    def __init__(self, kind: DocumentKind) -> None:
        self.is_invoice = kind == DocumentKind.INVOICE
        self.root = "Invoice" if self.is_invoice else "CreditNote"
        self.quantity = "InvoicedQuantity" if self.is_invoice else "CreditedQuantity"


def ubl(data: DocumentData) -> bytes:
    """Return an invoice or credit note as UBL.

    Raises:
        NotAnInvoiceError: it is a proforma or a draft.
    """
    invoice, syntax = en16931.invoice(data), _Syntax(data.kind)
    root = _root(invoice, syntax)
    return serialize(to_element(root, {**_COMMON, None: f"{_UBL}{syntax.root}-2"}))


def _root(invoice: Invoice, syntax: _Syntax) -> Node | None:
    data, converted = invoice.data, invoice.data.stated_tax
    due = data.due_on.isoformat() if data.due_on else ""
    return _e(
        syntax.root,
        _e("cbc:CustomizationID", en16931.SPECIFICATION),
        _e("cbc:ID", data.number),
        _e("cbc:IssueDate", data.issued_on.isoformat()),
        _e("cbc:DueDate", due * syntax.is_invoice),
        _e(f"cbc:{syntax.root}TypeCode", invoice.type_code),
        _e("cbc:Note", "\n".join(invoice.notes)),
        _e("cbc:DocumentCurrencyCode", data.currency),
        _e("cbc:TaxCurrencyCode", converted.amount.currency) if converted else None,
        _e("cbc:BuyerReference", data.reference),
        _corrected(data),
        _e("cac:AccountingSupplierParty", _party(invoice.seller)),
        _e("cac:AccountingCustomerParty", _party(invoice.buyer)),
        _e("cac:Delivery", _e("cbc:ActualDeliveryDate", data.supplied_on.isoformat())),
        _payment_means(invoice, due * (not syntax.is_invoice)),
        _e(
            "cac:TaxTotal",
            _money("cbc:TaxAmount", data.tax),
            [_breakdown(breakdown) for breakdown in invoice.breakdowns],
        ),
        _e("cac:TaxTotal", _money("cbc:TaxAmount", converted.amount)) if converted else None,
        _e(
            "cac:LegalMonetaryTotal",
            _money("cbc:LineExtensionAmount", data.net),
            _money("cbc:TaxExclusiveAmount", data.net),
            _money("cbc:TaxInclusiveAmount", data.total),
            _money("cbc:PrepaidAmount", invoice.prepaid),
            _money("cbc:PayableAmount", invoice.due),
        ),
        [_item(item, syntax) for item in invoice.items],
    )


def _money(name: str, money: Money) -> Node | None:
    return _e(name, amount(money), currencyID=money.currency)


def _corrected(data: DocumentData) -> Node | None:
    if data.corrects is None:
        return None
    number, day = data.corrects
    return _e(
        "cac:BillingReference",
        _e(
            "cac:InvoiceDocumentReference",
            _e("cbc:ID", number),
            _e("cbc:IssueDate", day.isoformat()),
        ),
    )


def _party(identified: Identified) -> Node | None:
    party = identified.party
    streets = dict(enumerate(party.street.splitlines()[:3]))
    return _e(
        "cac:Party",
        _e("cbc:EndpointID", identified.endpoint[1], schemeID=identified.endpoint[0])
        if identified.endpoint
        else None,
        _e(
            "cac:PostalAddress",
            _e("cbc:StreetName", streets.get(0, "")),
            _e("cbc:AdditionalStreetName", streets.get(1, "")),
            _e("cbc:CityName", party.city),
            _e("cbc:PostalZone", party.postcode),
            _e("cbc:CountrySubentity", party.region),
            _e("cac:AddressLine", _e("cbc:Line", streets.get(2, ""))),
            _e("cac:Country", _e("cbc:IdentificationCode", party.country)),
        ),
        [
            _e(
                "cac:PartyTaxScheme",
                _e("cbc:CompanyID", number),
                _e("cac:TaxScheme", _e("cbc:ID", scheme)),
            )
            for scheme, number in (("VAT", identified.vat_number), ("TAX", identified.tax_number))
            if number
        ],
        _e(
            "cac:PartyLegalEntity",
            _e("cbc:RegistrationName", party.name),
            _e("cbc:CompanyID", identified.registration),
        ),
        _e(
            "cac:Contact",
            _e("cbc:Telephone", party.phone),
            _e("cbc:ElectronicMail", party.email),
        ),
    )


def _payment_means(invoice: Invoice, due: str) -> Node | None:
    bank = invoice.data.bank
    if not bank.iban:
        return None
    return _e(
        "cac:PaymentMeans",
        _e("cbc:PaymentMeansCode", invoice.payment_means),
        _e("cbc:PaymentDueDate", due),
        _e("cbc:PaymentID", invoice.data.number),
        _e(
            "cac:PayeeFinancialAccount",
            _e("cbc:ID", compact_iban(bank.iban)),
            _e("cbc:Name", bank.holder),
            _e("cac:FinancialInstitutionBranch", _e("cbc:ID", bank.bic)),
        ),
    )


def _breakdown(breakdown: Breakdown) -> Node | None:
    return _e(
        "cac:TaxSubtotal",
        _money("cbc:TaxableAmount", breakdown.net),
        _money("cbc:TaxAmount", breakdown.tax),
        _e(
            "cac:TaxCategory",
            _e("cbc:ID", breakdown.category.value),
            _percent(breakdown),
            _e("cbc:TaxExemptionReasonCode", breakdown.reason_code),
            _e("cbc:TaxExemptionReason", breakdown.reason),
            _e("cac:TaxScheme", _e("cbc:ID", "VAT")),
        ),
    )


def _percent(taxed: Item | Breakdown) -> Node | None:
    if taxed.category == TaxCategory.OUTSIDE_SCOPE:
        return None
    return _e("cbc:Percent", decimal(taxed.rate))


def _item(item: Item, syntax: _Syntax) -> Node | None:
    line = item.line
    return _e(
        f"cac:{syntax.root}Line",
        _e("cbc:ID", item.number),
        _e(f"cbc:{syntax.quantity}", decimal(item.quantity), unitCode=en16931.UNIT),
        _money("cbc:LineExtensionAmount", line.net),
        _e(
            "cac:InvoicePeriod",
            _e("cbc:StartDate", line.period.start.isoformat()),
            _e("cbc:EndDate", (line.period.end - timedelta(days=1)).isoformat()),
        )
        if line.period
        else None,
        _e(
            "cac:Item",
            _e("cbc:Description", line.details),
            _e("cbc:Name", line.description),
            _e(
                "cac:ClassifiedTaxCategory",
                _e("cbc:ID", item.category.value),
                _percent(item),
                _e("cac:TaxScheme", _e("cbc:ID", "VAT")),
            ),
        ),
        _e(
            "cac:Price",
            _e("cbc:PriceAmount", decimal(item.price), currencyID=line.net.currency),
            _e("cbc:BaseQuantity", decimal(item.base_quantity), unitCode=en16931.UNIT),
        ),
    )
