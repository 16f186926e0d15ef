"""The door to the object store."""
