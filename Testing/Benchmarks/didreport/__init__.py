"""Parts of the report on candidates; see ``Testing/Benchmarks/did_report.py``."""
