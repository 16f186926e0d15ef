"""The people and selfies that experiments draw."""
