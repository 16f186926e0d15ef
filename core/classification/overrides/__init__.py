"""Rules of operators that come before the built-in ones."""
