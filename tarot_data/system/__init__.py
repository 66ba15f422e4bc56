"""Locks and memory of this machine."""
