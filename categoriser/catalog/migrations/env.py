"""Runs migrations on the connection that ``Database`` hands over."""

from __future__ import annotations

from alembic import context

from categoriser.catalog import tables_access, tables_naming
from categoriser.catalog.tables import metadata

assert tables_access  # noqa: S101  imported for what it adds to the metadata
assert tables_naming  # noqa: S101  the same
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
