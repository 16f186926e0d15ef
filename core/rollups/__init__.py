"""Counting what has ended, each exactly once, by time and by what may explain it."""
