"""What the desk shows of generations."""
