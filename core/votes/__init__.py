"""Blind votes, ratings and line-ups, and the verdict that follows."""
