"""Reports: a record as tables, figures and one page."""
