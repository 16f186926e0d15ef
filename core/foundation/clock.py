"""The clock that counts: the database's own."""

from sqlalchemy import func

# The moment of the row, not of its transaction.
NOW = func.clock_timestamp()
