"""Removal of a person from the store, versions and reports."""
