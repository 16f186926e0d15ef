"""What knows nothing of avatars: errors, database, clock, leases, logs, bounded HTTP, statistics."""
