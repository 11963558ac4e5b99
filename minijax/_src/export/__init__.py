"""Exported functions, and their symbolic sizes."""
