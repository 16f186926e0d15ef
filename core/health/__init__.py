"""Whether the machine room is well: workers, queues, servers, what is stuck."""
