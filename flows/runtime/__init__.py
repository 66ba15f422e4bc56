"""What every flow needs: environment, progress, retries, error redaction, run log."""
