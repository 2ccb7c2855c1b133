"""Alembic migrations, applied when a library is opened."""
