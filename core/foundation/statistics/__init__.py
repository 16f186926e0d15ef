"""Rates, intervals and tests: pure functions of counts."""
