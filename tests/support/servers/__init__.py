"""Servers that tests talk to or are called by, and what stands at the wire."""
