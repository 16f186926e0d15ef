"""A server of Replicate's public HTTP API that draws for nothing, for development, tests and demonstrations.

It is reached only over HTTP and knows nothing of the rest of `core`.
"""
