"""Ingest pipeline: clean, identify, compare, validate, commit."""
