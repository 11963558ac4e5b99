"""Paths of files."""

from pathlib import Path as Path

epath_installed = False
