"""What a worker does, one tick a file; schedule.py is the list."""
