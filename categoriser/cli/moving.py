"""``categoriser migrate-store`` and ``categoriser snapshot-store``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from categoriser.cli.options import LIBRARY, JsonOption, LibraryOption
from categoriser.cli.output import print_json, say, waiting
from categoriser.errors import ConfigurationError
from categoriser.library import Library
from categoriser.library.moving import move_collection
from categoriser.library.store_care import snapshots
from categoriser.settings import Settings

_ALONE: Final[dict[str, Any]] = {"database": "", "store": {"url": ""}}


def migrate_store(
    collection: Annotated[str, typer.Argument(help="Name of the collection.")],
    embedded: Annotated[Path, typer.Option(help="Folder of the embedded library; the other side is as configured.")],
    back: Annotated[bool, typer.Option("--back", help="From the servers to the folder, not to the servers.")] = False,
    name: Annotated[str | None, typer.Option("--as", help="Its name there, if another one.")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete it here once the copy was verified.")] = False,
    library: LibraryOption = LIBRARY,
    json: JsonOption = False,
) -> None:
    """Copy a collection from an embedded library to the configured servers, or back, and verify all counts.

    Repeat it after an interruption: it goes on where it was.
    """
    if not Settings.load().is_shared:
        raise ConfigurationError("Set database to a PostgreSQL URL and store.url to a Qdrant server: that is one side.")
    if library.expanduser().absolute() == embedded.expanduser().absolute():
        raise ConfigurationError("The shared library and the embedded one need folders of their own; see --library.")
    with (
        Library.open(embedded, resume=False, create=back, **_ALONE) as own,
        Library.open(library, resume=False) as shared,
    ):
        source, target = (shared, own) if back else (own, shared)
        with waiting(f"Copying {collection}"):
            moved = move_collection(source, target, collection, as_name=name)
        if delete:
            source.delete_collection(collection)
    if json:
        print_json({**asdict(moved), "rows": dict(moved.rows), "deleted_here": delete})
        return
    say(
        f"{moved.images} images, {moved.vectors} vectors and {moved.files} files of {collection} are at their new place"
    )
    say("and were counted on both sides." + (" They are deleted here." if delete else " They are still here as well."))


def snapshot_store(library: LibraryOption = LIBRARY, json: JsonOption = False) -> None:
    """Let the configured Qdrant server write down all vectors, one snapshot for each encoder, while services run."""
    with Library.open(library, resume=False) as opened, waiting("Waiting for the server"):
        made = snapshots(opened)
    if json:
        print_json({"snapshots": made})
        return
    for encoder, name in made.items():
        say(f"{name} has the vectors of {encoder}.")
