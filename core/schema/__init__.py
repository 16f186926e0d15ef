"""What the database holds and promises: plain SQL, one file a domain, and how a database gets there."""
