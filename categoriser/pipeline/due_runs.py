"""Runs that nobody asked for: a collection's growth makes them due (``maintenance/due.py``)."""

from __future__ import annotations

import logging
from contextlib import suppress

from categoriser.catalog import collections
from categoriser.errors import NotFoundError
from categoriser.maintenance import run, run_due_at
from categoriser.state import EngineState, Storage

_log = logging.getLogger(__name__)


def is_due(state: EngineState) -> bool:
    """Whether a collection has grown so much since its last run."""
    return state.grouping.weighing >= run_due_at(state.images_at_run)


def run_due(storage: Storage, collection_id: int) -> None:
    """The run that is due, here or elsewhere, unless it was done already.

    Raises:
        CategoriserError: the database or the vector store fails.
    """
    if not storage.run_elsewhere(collection_id):
        with suppress(NotFoundError):
            run_if_due(storage, collection_id)


def run_if_due(storage: Storage, collection_id: int) -> None:
    """The run that is due, here, unless another process has done it.

    When it fails, the images are filed all the same, and the next one is due later.

    Raises:
        NotFoundError: the collection was deleted.
    """
    with storage.states.writing(collection_id) as state:
        due = is_due(state)
    if not due:
        return
    try:
        run(storage, collection_id)
        storage.ran(collection_id)
    except NotFoundError:
        raise
    except Exception:
        _log.exception(
            "the automatic run of collection %d failed; the next step of its growth tries again", collection_id
        )
        with storage.states.writing(collection_id) as state, storage.database.write() as connection:
            state.images_at_run = state.grouping.weighing
            collections.update(connection, collection_id, images_at_run=state.images_at_run)
