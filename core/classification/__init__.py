"""What a failure is: taxonomy, rules, phrasings, overrides, fingerprints, events."""
