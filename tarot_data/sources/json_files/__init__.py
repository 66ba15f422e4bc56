"""JSON and JSON lines of readings."""
