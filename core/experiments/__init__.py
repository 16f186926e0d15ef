"""Versions against selfies: priced before they run, and never bought twice."""
