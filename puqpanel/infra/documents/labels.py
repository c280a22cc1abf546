"""The fixed texts of documents, in the language of the document."""

from __future__ import annotations

from puqpanel.domain.documents import DocumentData, DocumentKind
from puqpanel.domain.tax import TaxCategory, TaxGroup
from puqpanel.domain.texts import Language, Text, _, _c, named

TITLES = {
    DocumentKind.PROFORMA: _("Proforma invoice"),
    DocumentKind.INVOICE: _("Invoice"),
    DocumentKind.CREDIT_NOTE: _("Credit note"),
}
TOTALS = {
    DocumentKind.PROFORMA: _c("document", "Total"),
    DocumentKind.INVOICE: _c("document", "Total"),
    DocumentKind.CREDIT_NOTE: _("Total credited"),
}
NOT_A_TAX_INVOICE = _("This is not a tax invoice.")
CATEGORIES = {
    TaxCategory.STANDARD: _c("tax", "Zero rate"),
    TaxCategory.ZERO: _c("tax", "Zero rate"),
    TaxCategory.EXEMPT: _c("tax", "Exempt"),
    TaxCategory.REVERSE_CHARGE: _c("tax", "Reverse charge"),
    TaxCategory.EXPORT: _c("tax", "Export"),
    TaxCategory.OUTSIDE_SCOPE: _c("tax", "Not subject to VAT"),
}
SHORT_CATEGORIES = {
    TaxCategory.EXEMPT: _c("tax rate", "exempt"),
    TaxCategory.REVERSE_CHARGE: _c("tax rate", "RC"),
    TaxCategory.EXPORT: _c("tax rate", "export"),
    TaxCategory.OUTSIDE_SCOPE: _c("tax rate", "n/a"),
}
"""Shown instead of a rate."""
REASONS = {
    TaxCategory.EXEMPT: _("Exempt from VAT."),
    TaxCategory.REVERSE_CHARGE: _("Reverse charge: VAT to be accounted for by the recipient."),
    TaxCategory.EXPORT: _("Export outside the European Union; no VAT is charged."),
    TaxCategory.OUTSIDE_SCOPE: _("Not subject to VAT."),
}
"""Why no tax is charged, where a rule of the firm does not say it."""
WORDS = {
    "draft": _c("document", "Draft"),
    "seller": _("Seller"),
    "buyer": _("Buyer"),
    "description": _c("document", "Description"),
    "quantity": _c("document", "Qty"),
    "price": _("Net price"),
    "amount": _("Net amount"),
    "net": _c("document", "Net"),
    "rate": _c("tax", "Rate"),
    "gross": _c("document", "Gross"),
    "sum": _c("document", "Total"),
    "how_to_pay": _("How to pay"),
    "pay_online": _("Pay online"),
    "paid": _c("document", "Paid"),
    "open": _("Amount due"),
    "paid_in_full": _("Paid in full. Thank you."),
    "holder": _("Account holder"),
    "iban": _("IBAN"),
    "bic": _("BIC"),
    "bank": _c("document", "Bank"),
    "reference": _("Payment reference"),
    "scan": _("Scan with your bank’s app"),
    "page": _c("document", "Page"),
    "of": _c("page 1 of 2", "of"),
}
ISSUED, SUPPLIED, DUE = _("Issued"), _("Date of supply"), _("Payment due")
YOUR_REFERENCE = _("Your reference")
VAT_NUMBER = _("VAT no. %(number)s")
TAX_NUMBER = _("Tax no. %(number)s")
CORRECTS = _("Corrects invoice %(number)s of %(day)s.")
REASON = _("Reason: %(reason)s")
CONVERTED = _("%(tax)s in %(currency)s: %(amount)s (rate %(rate)s of %(day)s)")


def words(data: DocumentData, language: Language) -> dict[str, str]:
    """Return the fixed texts that a template shows."""
    tax = tax_word(data)
    return {
        **{key: text.translated(language) for key, text in WORDS.items()},
        "title": TITLES[data.kind].translated(language),
        "total": TOTALS[data.kind].translated(language),
        "tax": tax.translated(language),
        "tax_by_rate": _("%(tax)s by rate", tax=tax).translated(language),
        "warning": NOT_A_TAX_INVOICE.translated(language) * (data.kind == DocumentKind.PROFORMA),
    }


def tax_word(data: DocumentData) -> Text:
    """Return what the taxes of a document are called together: VAT, a name of their own, or tax."""
    names = {tax.name for total in data.totals for tax in total.group.taxes}
    if names <= {"VAT"}:
        return _("VAT")
    return named(names.pop()) if len(names) == 1 else _("Tax")


def reason(group: TaxGroup, language: Language) -> str:
    """Return why no tax is charged; empty if tax is charged."""
    text = named(group.reason) if group.reason else REASONS.get(group.category)
    return text.translated(language) if text else ""


def reasons(data: DocumentData, language: Language) -> list[str]:
    """Return why no tax is charged, once each."""
    texts = (reason(total.group, language) for total in data.totals)
    return list(dict.fromkeys(filter(None, texts)))
