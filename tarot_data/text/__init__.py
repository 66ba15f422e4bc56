"""Text: Unicode normalisation, cleanup, dates, phrase matching, near-duplicates."""
