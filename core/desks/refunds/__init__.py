"""What the refund desk shows and does: queue, evidence, bulk, reports."""
