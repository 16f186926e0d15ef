"""What several benches use: desks, rivals, a slow provider."""
