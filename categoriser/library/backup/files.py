"""Copies files that are named by their content: what is there already is not copied again."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Copying:
    """Copies files and counts. ``link``: as a second name of the same file where the disk allows it."""

    link: bool = False
    copied: int = 0
    kept: int = 0  # there already
    size: int = 0  # bytes that were copied

    def take(self, source: Path, target: Path) -> bool:
        """Copy one file, durable on return; False when there is none."""
        try:
            size = source.stat().st_size
            if _size(target) == size:
                self.kept += 1
                return True
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f".{target.name}.new")
            draft.unlink(missing_ok=True)
            if not (self.link and _linked(source, draft)):
                _copied(source, draft)
                self.size += size
            draft.replace(target)
        except FileNotFoundError:
            return False
        self.copied += 1
        return True


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, or one that has no links
        return False
    return True


def _copied(source: Path, target: Path) -> None:
    with source.open("rb") as reading, target.open("wb") as writing:
        shutil.copyfileobj(reading, writing, 1 << 20)
        writing.flush()
        os.fsync(writing.fileno())
