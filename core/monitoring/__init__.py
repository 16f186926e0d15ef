"""Failures seen together: groups, charts, differences, delays, retries."""
