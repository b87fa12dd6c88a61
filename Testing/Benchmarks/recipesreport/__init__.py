"""The report on training recipes."""
