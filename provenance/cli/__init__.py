"""The command line: one file a command; a command opens, makes one call and prints."""

from provenance.cli.app import main

__all__ = ["main"]
