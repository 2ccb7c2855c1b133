"""The job that splits, merges and spawns categories, what people change themselves, and the way back."""

from categoriser.maintenance.due import run_due_at
from categoriser.maintenance.planning import Plan
from categoriser.maintenance.running import apply, plan, run
from categoriser.maintenance.steps import Step

__all__ = ["Plan", "Step", "apply", "plan", "run", "run_due_at"]
