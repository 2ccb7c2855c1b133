"""Any path a person may point at: a folder, a table, or one picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from categoriser.errors import ConfigurationError
from categoriser.intake.folder import from_folder
from categoriser.intake.items import Item
from categoriser.intake.tables import from_csv, from_parquet


def from_path(
    path: Path | str,
    *,
    recursive: bool = True,
    image_column: str | Sequence[str] | None = None,
    id_column: str | None = None,
    start: int = 0,
    end: int | None = None,
    limit: int | None = None,
) -> Iterable[Item]:
    """Items of a folder (a `FolderScan`), of a .csv, .tsv or .parquet file, or of a single picture.

    The column and row arguments are for tables alone.

    Raises:
        ConfigurationError: there is nothing at the path, or the table has not the columns asked for.
    """
    given = Path(path)
    if given.is_dir():
        return from_folder(given, recursive=recursive)
    if not given.exists():
        raise ConfigurationError(f"There is no file or folder {given}; correct the path.")
    suffix = given.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return from_csv(given, image_column, id_column, start, end, limit)
    if suffix in (".parquet", ".pq"):
        return from_parquet(given, image_column, id_column, start, end, limit)
    return [Item(given.name, path=given)]
