"""How a run of the tests is set up: folders, databases, kinds, lengths, its end."""
