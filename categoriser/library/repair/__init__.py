"""Finds where catalog, vector store, files and saved engine states disagree, and mends what can be mended."""

from categoriser.library.repair.findings import Finding
from categoriser.library.repair.looking import Mended, find_faults, mend

__all__ = ["Finding", "Mended", "find_faults", "mend"]
