"""The store: Delta tables, corrections, migrations."""
