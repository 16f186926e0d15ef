"""What a start needs: embedded servers, the first rows, and commands."""
