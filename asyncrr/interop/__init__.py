"""Other formats: one module for each, imported when it is used."""
