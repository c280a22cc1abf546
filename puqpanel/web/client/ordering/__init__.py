"""What users change of the contracts of their services."""
