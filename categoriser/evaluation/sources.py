"""Where labelled pictures and vectors come from: a folder, a table, or a file of vectors."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from categoriser.errors import ConfigurationError
from categoriser.evaluation.subject import Subject
from categoriser.intake import Item, from_folder, from_path

_TABLES = (".csv", ".tsv", ".parquet", ".pq")
_USUAL_VECTORS = ("emb", "embeddings", "vectors", "features", "x", "X")
_USUAL_LABELS = ("label", "labels", "class", "target", "y")


def read_subject(
    source: Path,
    *,
    labels: str | None = None,
    image_column: str | None = None,
    vectors_key: str | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> Subject:
    """What a person points at, as something to evaluate.

    A folder: each picture's class is the sub-folder of the top it lies in; without sub-folders there are no classes.
    A .csv, .tsv or .parquet file: pictures by path or URL, classes in the column ``labels``. An .npz file: vectors
    [n, d] under ``vectors_key``, classes [n] under ``labels``. Columns and keys are found by their usual names.

    Args:
        source: the folder or file.
        labels: column or key of the classes.
        image_column: column of paths or URLs.
        vectors_key: key of the vectors.
        limit: most images, drawn at random.
        seed: of this draw.

    Raises:
        ConfigurationError: it is nothing of these, or lacks what was asked for.
    """
    if not source.exists():
        raise ConfigurationError(f"There is no file or folder {source}; correct the path.")
    if source.suffix.lower() == ".npz":
        subject = _from_vectors(source, labels, vectors_key)
    elif source.is_dir():
        subject = _from_folder(source, labels)
    elif source.suffix.lower() in _TABLES:
        subject = _from_table(source, labels, image_column)
    else:
        raise ConfigurationError(f"{source} is neither a folder, a .csv, .tsv or .parquet table, nor an .npz file.")
    if not len(subject):
        raise ConfigurationError(f"There are no images in {source}.")
    return subject.drawn(limit, seed)


def doubt(subject: Subject) -> str | None:
    """Why the classes of a subject cannot be what was meant, if so."""
    if subject.classes is None:
        return None
    known = [name for name in subject.classes if name is not None]
    if not known:
        return "All labels are empty, so nothing can be compared with classes."
    if len(known) > 1 and len(set(known)) == len(known):
        return "Every label is different, so they are names or numbers of single images and no classes."
    return None


def _from_folder(source: Path, labels: str | None) -> Subject:
    if labels is not None:
        raise ConfigurationError(f"{source} is a folder: its sub-folders are the classes; leave out --labels {labels}.")
    items = from_folder(source.absolute()).items
    classes = [parts[0] if len(parts := Path(item.name).parts) > 1 else None for item in items]
    return Subject(source.resolve().name, classes if any(classes) else None, items=items)


def _from_table(source: Path, labels: str | None, image_column: str | None) -> Subject:
    items = list(from_path(source.absolute(), image_column=image_column))
    columns = {name for item in items for name in item.metadata}
    column = labels or next((name for name in _USUAL_LABELS if name in columns), None)
    if column is not None and items and column not in columns:
        raise ConfigurationError(
            f"{source.name} has no column {column}; it has {', '.join(sorted(map(str, columns)))}."
        )
    return Subject(source.stem, None if column is None else [_class(item, column) for item in items], items=items)


def _class(item: Item, column: str) -> str | None:
    value = item.metadata.get(column)
    return None if value is None or not str(value).strip() else str(value).strip()


def _from_vectors(source: Path, labels: str | None, vectors_key: str | None) -> Subject:
    try:
        with _opened(source) as stored:
            key = _key(source, stored.files, vectors_key, _USUAL_VECTORS, "vectors")
            label_key = labels or next((name for name in _USUAL_LABELS if name in stored.files), None)
            if label_key is not None:
                _key(source, stored.files, label_key, (), "labels")
            vectors = stored[key]
            try:
                classes = None if label_key is None else stored[label_key]
            except ValueError:
                raise ConfigurationError(
                    f"{label_key} of {source.name} holds Python objects; save the labels as texts or whole numbers, as "
                    "with labels.astype(str)."
                ) from None
    except OSError as error:
        raise ConfigurationError(f"{source} cannot be read: {error.strerror or 'it is damaged'}.") from None
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        raise _no_arrays(source) from None
    if vectors.ndim != 2 or vectors.dtype.kind not in "fiu" or not vectors.shape[1]:
        raise ConfigurationError(
            f"{key} of {source.name} has shape {vectors.shape}; vectors are numbers [n, dimension]."
        )
    if classes is not None and classes.shape != vectors.shape[:1]:
        raise ConfigurationError(f"{label_key} of {source.name} has shape {classes.shape}, not one label per vector.")
    names = None if classes is None else [str(name) or None for name in classes]
    return Subject(source.stem, names, vectors=vectors.astype(np.float32))


def _opened(source: Path) -> np.lib.npyio.NpzFile:
    stored = np.load(source, allow_pickle=False)
    if not isinstance(stored, np.lib.npyio.NpzFile):
        raise _no_arrays(source)
    return stored


def _no_arrays(source: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{source} is damaged, no .npz file of NumPy, or holds Python objects; save plain arrays of numbers and texts "
        "with numpy.savez."
    )


def _key(source: Path, keys: list[str], given: str | None, usual: tuple[str, ...], what: str) -> str:
    found = given if given in keys else next((name for name in usual if given is None and name in keys), None)
    if found is None:
        wanted = f"has no {given}" if given else f"does not say where its {what} are"
        raise ConfigurationError(f"{source.name} {wanted}; it has {', '.join(keys)}.")
    return found
