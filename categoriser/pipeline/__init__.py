"""The way of a picture: intake → inbox → encoder → engine → catalog → store, with back-pressure and in order."""

from categoriser.pipeline.acceptance import Promised
from categoriser.pipeline.due_runs import run_if_due
from categoriser.pipeline.filing import Arrival, file_arrivals
from categoriser.pipeline.image_id import check_id
from categoriser.pipeline.pipeline import Pipeline, no_pictures
from categoriser.pipeline.reception import promised_entry
from categoriser.pipeline.removing import remove_collection, remove_images

__all__ = [
    "Arrival",
    "Pipeline",
    "Promised",
    "check_id",
    "file_arrivals",
    "no_pictures",
    "promised_entry",
    "remove_collection",
    "remove_images",
    "run_if_due",
]
