"""What screens read: lists, queues, evidence and overviews."""
