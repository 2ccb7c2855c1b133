"""The job that splits, merges and spawns categories, and when it is due."""

from categoriser.maintenance.due import run_due_at
from categoriser.maintenance.run import run

__all__ = ["run", "run_due_at"]
