"""Draws the comic figures that stand in for a model's output. Pillow and numpy only."""
