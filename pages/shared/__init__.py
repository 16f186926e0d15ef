"""What several desks use."""
