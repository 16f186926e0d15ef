"""Experiments as files: contact sheet, archive, table."""
