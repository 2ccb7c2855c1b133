"""CSV and Parquet tables with a column of URLs or paths, read row by row."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from categoriser.errors import ConfigurationError
from categoriser.intake.columns import Layout, Window, layout_of, windowed
from categoriser.intake.items import Item

_DELIMITERS: Final = ",;\t|"
_SAMPLE_BYTES: Final = 1 << 20
_BATCH_ROWS: Final = 256  # of a Parquet file at a time; rows may carry whole pictures


def from_csv(
    path: Path | str,
    image_column: str | Sequence[str] | None = None,
    id_column: str | None = None,
    start: int = 0,
    end: int | None = None,
    limit: int | None = None,
) -> Iterator[Item]:
    """Items of a table in text form; the delimiter (comma, semicolon, tab, bar) and the encoding are found out.

    Rows ``start`` ≤ row < ``end`` count from 0 without the header; at most ``limit`` items. A short, long or empty row
    yields an item all the same, whose reading fails with the reason where it has no picture.

    Raises:
        ConfigurationError: there is no such file, or not the columns asked for.
    """
    table = _existing(path)
    window = Window(start, end, limit)
    encoding = _encoding(table)
    with table.open(encoding=encoding, errors="replace", newline="") as lines:
        first = next((line for line in lines if line.strip("\r\n")), "")
        delimiter = max(_DELIMITERS, key=first.count)
        lines.seek(0)
        try:
            columns = _distinct(next(filter(None, csv.reader(lines, delimiter=delimiter)), []))
        except csv.Error as error:
            raise ConfigurationError(f"{table} is no readable table ({error}); check how it was written.") from error
    layout = layout_of(table, columns, image_column, id_column)
    return windowed(_csv_rows(table, encoding, delimiter, columns, layout), window)


def from_parquet(
    path: Path | str,
    image_column: str | Sequence[str] | None = None,
    id_column: str | None = None,
    start: int = 0,
    end: int | None = None,
    limit: int | None = None,
) -> Iterator[Item]:
    """Items of a Parquet file, as `from_csv`; cells may also hold the pictures themselves."""
    import pyarrow as pa  # noqa: PLC0415 - a large import that only tables of this kind need
    import pyarrow.parquet as pq  # noqa: PLC0415

    table = _existing(path)
    window = Window(start, end, limit)
    try:
        file = pq.ParquetFile(table)
    except (pa.ArrowInvalid, OSError) as error:
        raise ConfigurationError(f"{table} is no readable Parquet file; check how it was written.") from error
    layout = layout_of(table, file.schema_arrow.names, image_column, id_column)
    return windowed(_parquet_rows(file, layout), window)


def _csv_rows(
    table: Path, encoding: str, delimiter: str, columns: Sequence[str], layout: Layout
) -> Iterator[tuple[int, Iterator[Item]]]:
    with table.open(encoding=encoding, errors="replace", newline="") as lines:
        reader = csv.reader(lines, delimiter=delimiter)
        number = -1  # the header
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                problem = f"row {number} of {table.name} cannot be parsed ({error}); correct it."
                yield number, iter([Item(f"row {number}", problem=problem)])
                number += 1
                continue
            if not cells:  # an empty line
                continue
            if number >= 0:
                yield number, layout.items(number, _row(columns, cells))
            number += 1


def _row(columns: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = dict(zip(columns, cells, strict=False))
    beyond = cells[len(columns) :]
    return row | {"beyond the last column": list(beyond)} if beyond else row


def _parquet_rows(file: Any, layout: Layout) -> Iterator[tuple[int, Iterator[Item]]]:
    number = 0
    with file:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            for row in batch.to_pylist():
                yield number, layout.items(number, row)
                number += 1


def _existing(path: Path | str) -> Path:
    table = Path(path)
    if not table.is_file():
        raise ConfigurationError(f"There is no file {table}; correct the path.")
    return table


def _encoding(table: Path) -> str:
    """UTF-8 unless the file says or proves otherwise; spreadsheets still write UTF-16 and Windows-1252."""
    with table.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if sample.count(b"\0") > len(sample) // 1000:  # a stray one is only odd
        raise ConfigurationError(f"{table} holds binary data and no table in text form; check how it was written.")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # incremental: the sample may end inside a character
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _distinct(names: Sequence[str]) -> list[str]:
    """Column names without surrounding space; a repeated or empty one gets its position."""
    seen: list[str] = []
    for position, name in enumerate(map(str.strip, names), start=1):
        seen.append(name if name and name not in seen else f"{name}_{position}")
    return seen
