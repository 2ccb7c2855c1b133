"""Does the work that services put into the queue: files pictures, runs the job, names categories."""

from categoriser.worker.working import work

__all__ = ["work"]
