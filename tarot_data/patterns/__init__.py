"""Sentence labels, card attribution and the pattern library."""
