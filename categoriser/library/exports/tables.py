"""Images as tables: CSV, JSON lines, and Parquet with vectors."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from categoriser.catalog.collections import CollectionRow
from categoriser.library.exports.selection import Row
from categoriser.library.exports.sink import Sink
from categoriser.state import Storage

_IDS: Final = ("image_id", "category", "stacked_on")
_ROWS: Final = 1000  # of Parquet and of pieces of text that are sent at a time


def csv_chunks(rows: Iterator[Row], columns: Sequence[str]) -> Iterator[bytes]:
    """A table for spreadsheets: no cell of it is taken for a formula."""
    buffer = io.StringIO(newline="")
    table = csv.DictWriter(buffer, columns, extrasaction="ignore")
    table.writeheader()
    for part in _parts(rows):
        for row in part:
            metadata = json.dumps(row["metadata"], ensure_ascii=False) if row["metadata"] else ""
            told = {**row, "metadata": metadata, "tags": "; ".join(tag.word for tag in row.get("tags", ()))}
            table.writerow({name: inert(name, value) for name, value in told.items()})
        yield _taken(buffer)
    yield _taken(buffer)


def jsonl_chunks(rows: Iterator[Row], columns: Sequence[str]) -> Iterator[bytes]:
    """A JSON document a line; every text exactly."""
    for part in _parts(rows):
        lines = (
            json.dumps({name: row[name] for name in columns}, ensure_ascii=False, default=dataclasses.asdict)
            for row in part
        )
        yield ("\n".join(lines) + "\n").encode("utf-8", "replace")


def parquet_chunks(
    storage: Storage, collection: CollectionRow, rows: Iterator[Row], columns: Sequence[str]
) -> Iterator[bytes]:
    """A table with the unit vectors, float32; null where a vector is not in the store."""
    schema = _schema(collection.dimension, columns)
    store, sink = storage.store(collection), Sink()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for part in _parts(rows):
            points = store.fetch(collection.key, [row["image_id"] for row in part])
            vectors = dict(zip(points.image_ids, points.vectors, strict=True))
            writer.write_table(pa.Table.from_pylist([_record(row, columns, vectors) for row in part], schema=schema))
            yield sink.take()
    yield sink.take()


def inert(column: str, value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; ids may begin with a minus, and are left so."""
    starts = "=@\t\r" if column in _IDS else "=@\t\r+-"
    return f"'{value}" if isinstance(value, str) and value.startswith(tuple(starts)) else value


def _parts(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while part := list(islice(rows, _ROWS)):
        yield part


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", "replace")


def _schema(dimension: int, columns: Sequence[str]) -> Any:
    kinds: dict[str, Any] = {"added_at": pa.float64(), "width": pa.int32(), "height": pa.int32()}
    kinds["tags"] = pa.list_(pa.string())
    fields = [pa.field(name, kinds.get(name, pa.string())) for name in columns]
    return pa.schema([*fields, pa.field("vector", pa.list_(pa.float32(), dimension))])


def _record(row: Row, columns: Sequence[str], vectors: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, Any]:
    metadata = json.dumps(row["metadata"], ensure_ascii=False) if row["metadata"] else None
    told = {name: row[name] for name in columns} | {"metadata": metadata, "vector": vectors.get(row["image_id"])}
    if "tags" in columns:
        told["tags"] = [tag.word for tag in row["tags"]]
    return told
