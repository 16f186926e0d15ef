"""The compare grid: images of versions on selfies, side by side, row by row, and two in one place."""
