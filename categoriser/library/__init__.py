"""The public Python API: a library of collections."""

from categoriser.library.adding import AddReport
from categoriser.library.collection import Collection
from categoriser.library.library import Library
from categoriser.library.searching import Filter

__all__ = ["AddReport", "Collection", "Filter", "Library"]
