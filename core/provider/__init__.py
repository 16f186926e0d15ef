"""The door to Replicate: one gateway, its limits and its answers."""
