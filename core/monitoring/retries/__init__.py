"""Drawing again what has failed, in batches."""
