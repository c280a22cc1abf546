"""Documents as files: PDF/A-3b with Factur-X inside, and UBL.

Everything is made from `domain.documents.DocumentData`; nothing here reads the database. PDFs are
compiled by typst in a process of its own, because a template of the firm may not terminate.
"""
