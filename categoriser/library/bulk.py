"""Encoding by Ray Data: pictures are read, decoded and encoded by many processes or machines, and filed here in order.

What a picture becomes does not depend on who encoded it: the same bytes are hashed, the same decoder and encoder used,
and everything after the vector (ids, near-duplicates, categories, order) is the pipeline's. Workers read
the same paths, so on a cluster the pictures must lie where all machines see them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from categoriser.encoders import open_encoder
from categoriser.errors import CategoriserError, MissingExtraError, RejectedError
from categoriser.intake import Encoded, Item, Limits, decode, read, sha256, thumbnail
from categoriser.settings import Settings
from categoriser.settings_bulk import BulkSettings

Engine: TypeAlias = Literal["here", "ray"]
_ROUND: Final = 50_000  # inputs that Ray is given at a time: only their paths

Columns: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """All that a worker needs to know."""

    encoder: str
    encoder_id: str
    device: str | None
    offline: bool
    limits: Limits
    thumbnail_side: int
    bulk: BulkSettings

    @classmethod
    def of(cls, settings: Settings, encoder: str, encoder_id: str) -> Work:
        """For collections of one encoder. ``encoder``: its name; ``encoder_id``: of its vectors."""
        return cls(
            encoder=encoder,
            encoder_id=encoder_id,
            device=settings.device,
            offline=settings.offline,
            limits=Limits(max_bytes=settings.max_bytes, max_pixels=settings.max_pixels),
            thumbnail_side=settings.thumbnail_side,
            bulk=settings.bulk,
        )


def encoded_by_ray(items: Iterable[Item], work: Work) -> Iterable[Item]:
    """Inputs in their order, files among them encoded already; URLs and bytes are left to the pipeline.

    Raises:
        MissingExtraError: Ray is not installed.
    """
    return _Counted(items, work, _ray()) if isinstance(items, Sized) else _Encoded(items, work, _ray())


class _Encoded:
    """Inputs that are encoded as somebody goes through them."""

    def __init__(self, items: Iterable[Item], work: Work, ray: ModuleType) -> None:
        self._items = items
        self._work = work
        self._ray = ray
        self.skipped: Mapping[str, int] = getattr(items, "skipped", {})  # as of a folder
        self.unreadable: Sequence[str] = getattr(items, "unreadable", ())
        self.left_out: Sequence[str] = getattr(items, "left_out", ())

    def __iter__(self) -> Iterator[Item]:
        ray = self._ray
        ours = not ray.is_initialized()
        if ours:
            address = self._work.bulk.address or "local"
            ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level="error")
        try:
            waiting = iter(self._items)
            while some := list(islice(waiting, _ROUND)):
                yield from self._encoded(some)
        finally:
            if ours:
                ray.shutdown()

    def _encoded(self, items: Sequence[Item]) -> Iterator[Item]:
        places = [place for place, item in enumerate(items) if item.path is not None and item.problem is None]
        rows = self._rows([{"place": place, "path": str(items[place].path)} for place in places])
        following = next(rows, None)
        for place, item in enumerate(items):
            if following is None or following["place"] != place:
                yield item
                continue
            yield _told(item, following, self._work.encoder_id)
            following = next(rows, None)

    def _rows(self, wanted: list[Columns]) -> Iterator[Mapping[str, Any]]:
        """What workers made of files, in order."""
        if not wanted:
            return
        bulk, data = self._work.bulk, self._ray.data
        data.DataContext.get_current().execution_options.preserve_order = True
        data.DataContext.get_current().enable_progress_bars = False
        workers = bulk.workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        batches = -(-len(wanted) // bulk.batch)
        made = data.from_items(wanted, override_num_blocks=batches).map_batches(
            EncodingWorker,
            fn_constructor_args=(self._work,),
            batch_size=None,  # a block is a batch
            concurrency=min(workers, batches),
            num_cpus=1,
            num_gpus=bulk.gpus or None,
        )
        try:
            yield from made.iter_rows()
        except self._ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[-1]
            raise CategoriserError(
                f"Ray could not encode the pictures ({reason.rstrip('.')}); what was filed by then stays, so mend that "
                "and repeat the command."
            ) from error


class _Counted(_Encoded):
    """With a known number of them."""

    def __len__(self) -> int:
        return len(self._items)  # type: ignore[arg-type] # only made of what has one


class EncodingWorker:
    """One process of Ray's: opens the encoder once, then makes vectors and thumbnails of files."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._encoder = open_encoder(work.encoder, device=work.device, offline=work.offline, threads=1)
        if self._encoder.id != work.encoder_id:
            raise RuntimeError(f"{work.encoder} is {self._encoder.id} on this worker and {work.encoder_id} elsewhere.")

    def __call__(self, files: Columns) -> Columns:
        """Columns ``place`` and ``path`` → what `Encoded` has, or in ``problem`` why a file cannot be read."""
        rows: list[Columns] = []
        prepared = []
        for place, path in zip(files["place"], files["path"], strict=True):
            row: Columns = {"place": int(place), "problem": ""} | _NOTHING
            try:
                data = read(Item(path, path=Path(path)), limits=self._work.limits)
                row["sha256"] = sha256(data)
                picture = decode(data, side=self._encoder.image_side, limits=self._work.limits)
            except RejectedError as error:
                row["problem"] = str(error)
            else:
                row |= {name: getattr(picture, name) for name in ("format", "width", "height", "fingerprint")}
                row["taken_at"] = float("nan") if picture.taken_at is None else picture.taken_at
                row["thumbnail"] = thumbnail(picture.image, self._work.thumbnail_side)
                prepared.append(np.asarray(self._encoder.prepare(picture.image)))
            rows.append(row)
        vectors = iter(self._encoder.encode_prepared(np.stack(prepared)) if prepared else ())
        for row in rows:
            row["vector"] = np.zeros(self._encoder.dimension, np.float32) if row["problem"] else next(vectors)
        return {name: _column([row[name] for row in rows]) for name in rows[0]}


_NOTHING: Final[Columns] = {
    "sha256": "",
    "format": "",
    "width": 0,
    "height": 0,
    "fingerprint": b"",
    "taken_at": float("nan"),
    "thumbnail": b"",
}


def _told(item: Item, row: Mapping[str, Any], encoder_id: str) -> Item:
    if row["problem"]:
        return replace(item, problem=str(row["problem"]))
    return replace(
        item,
        encoded=Encoded(
            encoder_id=encoder_id,
            vector=np.asarray(row["vector"], np.float32),
            thumbnail=bytes(row["thumbnail"]),
            sha256=str(row["sha256"]),
            format=str(row["format"]),
            width=int(row["width"]),
            height=int(row["height"]),
            taken_at=None if np.isnan(row["taken_at"]) else float(row["taken_at"]),
            fingerprint=bytes(row["fingerprint"]),
        ),
    )


def _column(values: list[Any]) -> Any:
    if isinstance(values[0], bytes):  # numpy's own type of bytes drops zeros at their end
        column = np.empty(len(values), object)
        column[:] = values
        return column
    return np.stack(values) if isinstance(values[0], np.ndarray) else np.asarray(values)


def _ray() -> ModuleType:
    try:
        import ray  # noqa: PLC0415 - an extra, and slow to import
        import ray.data  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            "The engine ray needs Ray Data, which is not installed: pip install -e '.[bulk]'."
        ) from error
    module: ModuleType = ray
    return module
