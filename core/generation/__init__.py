"""The engine: from a request to a stored avatar, whatever crashes."""
