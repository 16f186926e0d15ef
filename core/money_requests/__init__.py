"""Grants and reversals, and what two people must agree to."""
