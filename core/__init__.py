"""The engine behind the desk: floors of packages that import downwards only (docs/architecture.md)."""
