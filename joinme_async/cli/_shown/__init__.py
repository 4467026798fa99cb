"""How meetings are shown: to people as tables, weeks and pages, to programs as JSON, CSV and iCalendar."""
