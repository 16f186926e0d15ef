"""The prompt library: immutable versions, labels, snippets, rendering, lint."""
