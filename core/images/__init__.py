"""Pictures: taking in selfies, judging avatars, and their addresses."""
