"""Chat exports."""
