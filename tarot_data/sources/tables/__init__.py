"""Tables: delimited text, workbooks, HTML, SQLite."""
