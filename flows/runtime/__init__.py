"""Functions that all flows share: environment, progress, retries, error redaction, run log."""
