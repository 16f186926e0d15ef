"""Whose selfies and credits they are."""
