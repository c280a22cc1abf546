"""Companies, taxes, documents, the ledger and payments."""
