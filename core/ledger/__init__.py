"""The credits: moves by name, posting, statements, and the books that check them."""
