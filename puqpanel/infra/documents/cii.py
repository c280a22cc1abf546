"""EN 16931 as UN/CEFACT Cross Industry Invoice, the XML inside a Factur-X PDF."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from puqpanel.domain.documents import DocumentData
from puqpanel.domain.tax import TaxCategory
from puqpanel.infra.documents import en16931
from puqpanel.infra.documents.en16931 import Breakdown, Identified, Invoice, Item, amount, decimal
from puqpanel.infra.documents.transfer_codes import compact_iban
from puqpanel.infra.documents.xml import Node, serialize, to_element
from puqpanel.infra.documents.xml import node as _e

_UN = "urn:un:unece:uncefact:data:"
_NAMESPACES: dict[str | None, str] = {
    "rsm": f"{_UN}standard:CrossIndustryInvoice:100",
    "ram": f"{_UN}standard:ReusableAggregateBusinessInformationEntity:100",
    "qdt": f"{_UN}standard:QualifiedDataType:100",
    "udt": f"{_UN}standard:UnqualifiedDataType:100",
}


def cii(data: DocumentData) -> bytes:
    """Return an invoice or credit note as CII.

    Raises:
        NotAnInvoiceError: it is a proforma or a draft.
    """
    return serialize(cii_element(data))


def cii_element(data: DocumentData) -> Any:
    """Return an invoice or credit note as the root element of CII.

    Raises:
        NotAnInvoiceError: it is a proforma or a draft.
    """
    return to_element(_root(en16931.invoice(data)), _NAMESPACES)


def _root(invoice: Invoice) -> Node | None:
    data = invoice.data
    return _e(
        "rsm:CrossIndustryInvoice",
        _e(
            "rsm:ExchangedDocumentContext",
            _e(
                "ram:GuidelineSpecifiedDocumentContextParameter",
                _e("ram:ID", en16931.SPECIFICATION),
            ),
        ),
        _e(
            "rsm:ExchangedDocument",
            _e("ram:ID", data.number),
            _e("ram:TypeCode", invoice.type_code),
            _e("ram:IssueDateTime", _day(data.issued_on)),
            [_e("ram:IncludedNote", _e("ram:Content", note)) for note in invoice.notes],
        ),
        _e(
            "rsm:SupplyChainTradeTransaction",
            [_item(item) for item in invoice.items],
            _agreement(invoice),
            _e(
                "ram:ApplicableHeaderTradeDelivery",
                _e(
                    "ram:ActualDeliverySupplyChainEvent",
                    _e("ram:OccurrenceDateTime", _day(data.supplied_on)),
                ),
            ),
            _settlement(invoice),
        ),
    )


def _day(value: date, prefix: str = "udt") -> Node | None:
    return _e(f"{prefix}:DateTimeString", f"{value:%Y%m%d}", format="102")


def _item(item: Item) -> Node | None:
    line = item.line
    return _e(
        "ram:IncludedSupplyChainTradeLineItem",
        _e("ram:AssociatedDocumentLineDocument", _e("ram:LineID", item.number)),
        _e(
            "ram:SpecifiedTradeProduct",
            _e("ram:Name", line.description),
            _e("ram:Description", line.details),
        ),
        _e(
            "ram:SpecifiedLineTradeAgreement",
            _e(
                "ram:NetPriceProductTradePrice",
                _e("ram:ChargeAmount", decimal(item.price)),
                _e("ram:BasisQuantity", decimal(item.base_quantity), unitCode=en16931.UNIT),
            ),
        ),
        _e(
            "ram:SpecifiedLineTradeDelivery",
            _e("ram:BilledQuantity", decimal(item.quantity), unitCode=en16931.UNIT),
        ),
        _e(
            "ram:SpecifiedLineTradeSettlement",
            _e(
                "ram:ApplicableTradeTax",
                _e("ram:TypeCode", "VAT"),
                _e("ram:CategoryCode", item.category.value),
                _rate(item),
            ),
            _e(
                "ram:BillingSpecifiedPeriod",
                _e("ram:StartDateTime", _day(line.period.start)),
                _e("ram:EndDateTime", _day(line.period.end - timedelta(days=1))),
            )
            if line.period
            else None,
            _e(
                "ram:SpecifiedTradeSettlementLineMonetarySummation",
                _e("ram:LineTotalAmount", amount(line.net)),
            ),
        ),
    )


def _rate(taxed: Item | Breakdown) -> Node | None:
    if taxed.category == TaxCategory.OUTSIDE_SCOPE:
        return None
    return _e("ram:RateApplicablePercent", decimal(taxed.rate))


def _agreement(invoice: Invoice) -> Node | None:
    return _e(
        "ram:ApplicableHeaderTradeAgreement",
        _e("ram:BuyerReference", invoice.data.reference),
        _party("ram:SellerTradeParty", invoice.seller),
        _party("ram:BuyerTradeParty", invoice.buyer),
    )


def _party(name: str, identified: Identified) -> Node | None:
    party = identified.party
    streets = dict(enumerate(party.street.splitlines()[:3]))
    return _e(
        name,
        _e("ram:Name", party.name),
        _e("ram:SpecifiedLegalOrganization", _e("ram:ID", identified.registration)),
        _e(
            "ram:DefinedTradeContact",
            _e(
                "ram:TelephoneUniversalCommunication",
                _e("ram:CompleteNumber", party.phone),
            ),
            _e("ram:EmailURIUniversalCommunication", _e("ram:URIID", party.email)),
        ),
        _e(
            "ram:PostalTradeAddress",
            _e("ram:PostcodeCode", party.postcode),
            _e("ram:LineOne", streets.get(0, "")),
            _e("ram:LineTwo", streets.get(1, "")),
            _e("ram:LineThree", streets.get(2, "")),
            _e("ram:CityName", party.city),
            _e("ram:CountryID", party.country),
            _e("ram:CountrySubDivisionName", party.region),
        ),
        _e(
            "ram:URIUniversalCommunication",
            _e("ram:URIID", identified.endpoint[1], schemeID=identified.endpoint[0]),
        )
        if identified.endpoint
        else None,
        [
            _e("ram:SpecifiedTaxRegistration", _e("ram:ID", number, schemeID=scheme))
            for scheme, number in (("VA", identified.vat_number), ("FC", identified.tax_number))
            if number
        ],
    )


def _settlement(invoice: Invoice) -> Node | None:
    data, converted = invoice.data, invoice.data.stated_tax
    return _e(
        "ram:ApplicableHeaderTradeSettlement",
        _e("ram:PaymentReference", data.number),
        _e("ram:TaxCurrencyCode", converted.amount.currency) if converted else None,
        _e("ram:InvoiceCurrencyCode", data.currency),
        _payment_means(invoice),
        [_breakdown(breakdown) for breakdown in invoice.breakdowns],
        _e(
            "ram:SpecifiedTradePaymentTerms",
            _e("ram:DueDateDateTime", _day(data.due_on)),
        )
        if data.due_on
        else None,
        _e(
            "ram:SpecifiedTradeSettlementHeaderMonetarySummation",
            _e("ram:LineTotalAmount", amount(data.net)),
            _e("ram:TaxBasisTotalAmount", amount(data.net)),
            _e("ram:TaxTotalAmount", amount(data.tax), currencyID=data.currency),
            _e(
                "ram:TaxTotalAmount",
                amount(converted.amount),
                currencyID=converted.amount.currency,
            )
            if converted
            else None,
            _e("ram:GrandTotalAmount", amount(data.total)),
            _e("ram:TotalPrepaidAmount", amount(invoice.prepaid)),
            _e("ram:DuePayableAmount", amount(invoice.due)),
        ),
        _e(
            "ram:InvoiceReferencedDocument",
            _e("ram:IssuerAssignedID", data.corrects[0]),
            _e("ram:FormattedIssueDateTime", _day(data.corrects[1], "qdt")),
        )
        if data.corrects
        else None,
    )


def _payment_means(invoice: Invoice) -> Node | None:
    bank = invoice.data.bank
    if not bank.iban:
        return None
    return _e(
        "ram:SpecifiedTradeSettlementPaymentMeans",
        _e("ram:TypeCode", invoice.payment_means),
        _e(
            "ram:PayeePartyCreditorFinancialAccount",
            _e("ram:IBANID", compact_iban(bank.iban)),
            _e("ram:AccountName", bank.holder),
        ),
        _e("ram:PayeeSpecifiedCreditorFinancialInstitution", _e("ram:BICID", bank.bic)),
    )


def _breakdown(breakdown: Breakdown) -> Node | None:
    return _e(
        "ram:ApplicableTradeTax",
        _e("ram:CalculatedAmount", amount(breakdown.tax)),
        _e("ram:TypeCode", "VAT"),
        _e("ram:ExemptionReason", breakdown.reason),
        _e("ram:BasisAmount", amount(breakdown.net)),
        _e("ram:CategoryCode", breakdown.category.value),
        _e("ram:ExemptionReasonCode", breakdown.reason_code),
        _rate(breakdown),
    )
