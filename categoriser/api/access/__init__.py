"""Who may come in, and what each may do there."""

from categoriser.api.access.authorise import Caller, TheVisit, authorise, still_may
from categoriser.api.access.doorkeeper import Doorkeeper
from categoriser.api.access.operations import describe_access

__all__ = ["Caller", "Doorkeeper", "TheVisit", "authorise", "describe_access", "still_may"]
