"""The models that we can draw with: inputs, prices and ends."""
