"""The report on tasks: resolution, noise texture, detectability, generalisation; see ../task_report.py."""
