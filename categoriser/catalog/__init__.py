"""The truth in SQL: collections, images, micro-clusters, categories, events, inbox and outbox.

Every module is a set of functions over an open connection, so that the caller decides what is one transaction. None
touches data without being told the collection.
"""

from categoriser.catalog import tables_uploads  # its tables have to be known to all
from categoriser.catalog.database import Database, sqlite_url, storable_text
from categoriser.catalog.round_trips import together

__all__ = ["Database", "sqlite_url", "storable_text", "tables_uploads", "together"]
