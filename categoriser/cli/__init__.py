"""The command line: a thin face of the Python API."""

from categoriser.cli.app import main

__all__ = ["main"]
