"""From a draft to production: the gate, and the guard that takes it back."""
