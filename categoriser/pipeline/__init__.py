"""The way of a picture: intake → inbox → encoder → engine → catalog → store, with back-pressure and in order."""

from categoriser.pipeline.filing import Arrival, check_id, file_arrivals, run_if_due
from categoriser.pipeline.pipeline import Pipeline, no_pictures
from categoriser.pipeline.removing import remove_collection, remove_images

__all__ = [
    "Arrival",
    "Pipeline",
    "check_id",
    "file_arrivals",
    "no_pictures",
    "remove_collection",
    "remove_images",
    "run_if_due",
]
