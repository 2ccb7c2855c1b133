"""What a backup says about itself: written last, so that a backup without it, or with an older one, is not believed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from categoriser.errors import ConfigurationError, NotFoundError

FILE: Final = "manifest.json"
FORMAT: Final = 1


class Held(BaseModel):
    """What a backup has of one collection."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: int = Field(description="at the moment of the backup")
    vectors: int
    originals: int
    gone: list[str] = Field(default_factory=list, description="ids of images that were deleted while it was made")
    dropped: bool = Field(default=False, description="the collection was deleted while it was made")


class Manifest(BaseModel):
    """A whole backup."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Annotated[int, Field(ge=1)] = FORMAT
    made_by: str
    moment: float = Field(description="Unix seconds: the backup is what there was then")
    generation: str = Field(pattern=r"^[0-9a-f]+$", description="in the names of its catalog and vectors")
    collections: dict[str, Held] = Field(description="by key")

    def catalog(self, folder: Path) -> Path:
        """Where its catalog lies."""
        return folder / f"catalog-{self.generation}.sqlite"

    def vectors(self, folder: Path) -> Path:
        """Folder of its vectors, one file per collection."""
        return folder / f"vectors-{self.generation}"

    def write(self, folder: Path) -> None:
        """Make it the one that counts, all at once."""
        draft = folder / f"{FILE}.new"
        with draft.open("w", encoding="utf-8") as file:
            file.write(self.model_dump_json(indent=1))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / FILE)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup.

    Raises:
        NotFoundError: there is no finished backup.
        ConfigurationError: it is damaged, or a newer version made it.
    """
    try:
        text = (folder / FILE).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(f"There is no finished backup in {folder}: it would have a {FILE}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The file {folder / FILE} cannot be read: {error}.") from None
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise ConfigurationError(
            f"The backup in {folder} cannot be understood ({error.errors()[0]['msg']}): it is damaged, or a newer "
            "version made it."
        ) from None
    if manifest.format > FORMAT:
        raise ConfigurationError(f"The backup in {folder} was made by a newer version; update categoriser.")
    return manifest
