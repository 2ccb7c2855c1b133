"""What a search may return, as callers say it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, get_args

from categoriser.catalog import storable_text
from categoriser.catalog.filtering import ImageFilter, Orientation
from categoriser.catalog.metadata_filter import MetadataCondition, Scalar
from categoriser.domain import LARGEST_NUMBER
from categoriser.errors import ConfigurationError

UNSORTED: Final = "unsorted"
_MOST_CONDITIONS, _MOST_VALUES, _DEEPEST = 20, 1000, 16
_BOUNDS: Final = ("gte", "gt", "lte", "lt")
_OPERATORS: Final = ("equals", "one_of", "exists", *_BOUNDS)
_DOT: Final = re.compile(r"(?<!\\)\.")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a search may return; all that is given must hold. Times are seconds since the epoch.

    Attributes:
        category: an id, or "unsorted". An id that was merged away leads to its survivor, here and below.
        added_from, added_before: when it was added; from is inclusive, before exclusive.
        tags: words that an image must all have among its tags, or a kind of each; this reads the whole collection.
        categories: it is in one of these, ids or "unsorted".
        groups: it is in a category of one of these broad groups.
        taken_from, taken_before: when the picture was taken, as its file says.
        metadata: key → what the value must be: a value (equal), a list (one of), or a mapping with some of "equals",
            "one_of", "exists", "gte", "gt", "lte" and "lt". Keys within keys are joined by dots; a dot within a key is
            written ``\\.``. Values are compared by type; of a list in the metadata one entry has to fit.
        min_width, max_width, min_height, max_height: pixels, inclusive.
        orientation: "landscape", "portrait" or "square".
        formats: such as "JPEG".
        stacked: True: only near-duplicates of another image; False: all but those.
    """

    category: str | None = None
    added_from: float | None = None
    added_before: float | None = None
    tags: str | Sequence[str] = ()
    categories: str | Sequence[str] | None = None
    groups: str | Sequence[str] | None = None
    taken_from: float | None = None
    taken_before: float | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    min_width: int | None = None
    max_width: int | None = None
    min_height: int | None = None
    max_height: int | None = None
    orientation: Orientation | None = None
    formats: str | Sequence[str] = ()
    stacked: bool | None = None

    @classmethod
    def of(cls, given: Filter | Mapping[str, Any] | None) -> Filter:
        """A filter from what a caller has.

        Raises:
            ConfigurationError: a key is unknown.
        """
        if given is None:
            return cls()
        if isinstance(given, Filter):
            return given
        known = [one.name for one in fields(cls)]
        unknown = {str(name) for name in given} - set(known)
        if unknown:
            raise ConfigurationError(
                f"A search cannot filter by {', '.join(sorted(unknown))}, only by {', '.join(known)}."
            )
        return cls(**given)

    @property
    def words(self) -> tuple[str, ...]:
        """The tags; a single one may have been given as it is."""
        return _several(self.tags)

    def resolved(
        self, category_now: Callable[[str], int], categories_of_group: Callable[[str], Sequence[int]]
    ) -> ImageFilter:
        """The same for the catalog, but for the tags.

        Args:
            category_now: id of a category → number of the living one that it leads to.
            categories_of_group: id of a group → numbers of its categories.

        Raises:
            ConfigurationError: a condition makes no sense.
            NotFoundError: there is no such category or group.
        """
        numbers, unsorted = self._places(category_now, categories_of_group)
        if self.orientation not in {None, *get_args(Orientation)}:
            raise ConfigurationError(
                f"The orientation {self.orientation!r} does not exist; take {', '.join(get_args(Orientation))}."
            )
        for name in ("added_from", "added_before", "taken_from", "taken_before"):
            _check_number(name, getattr(self, name))
        for name in ("min_width", "max_width", "min_height", "max_height"):
            _check_number(name, getattr(self, name), whole=True)
        return ImageFilter(
            categories=numbers,
            unsorted=unsorted,
            added_from=self.added_from,
            added_before=self.added_before,
            taken_from=self.taken_from,
            taken_before=self.taken_before,
            min_width=self.min_width,
            max_width=self.max_width,
            min_height=self.min_height,
            max_height=self.max_height,
            orientation=self.orientation,
            formats=tuple(storable_text(one) for one in _several(self.formats)),
            stacked=self.stacked,
            metadata=conditions(self.metadata),
        )

    def _places(
        self, category_now: Callable[[str], int], categories_of_group: Callable[[str], Sequence[int]]
    ) -> tuple[tuple[int, ...] | None, bool]:
        asked = [given for given in (self.category, self.categories) if given is not None]
        if not asked and self.groups is None:
            return None, False
        numbers: set[int] | None = None
        unsorted = bool(asked)
        for given in asked:
            names = _several(given)
            found = {category_now(name) for name in names if name != UNSORTED}
            numbers = found if numbers is None else numbers & found
            unsorted = unsorted and UNSORTED in names
        if self.groups is not None:
            members = {number for group in _several(self.groups) for number in categories_of_group(group)}
            numbers = members if numbers is None else numbers & members
            unsorted = False
        return tuple(sorted(numbers or ())), unsorted


def conditions(metadata: Mapping[str, Any]) -> tuple[MetadataCondition, ...]:
    """Conditions on metadata from what a caller has.

    Raises:
        ConfigurationError: a key or a value makes no sense.
    """
    if not isinstance(metadata, Mapping):
        raise ConfigurationError("The filter metadata must be a mapping from keys to what their values must be.")
    if len(metadata) > _MOST_CONDITIONS:
        raise ConfigurationError(f"A search takes {_MOST_CONDITIONS} conditions on metadata, and {len(metadata)} came.")
    return tuple(_condition(key, wanted) for key, wanted in metadata.items())


def _condition(key: str, wanted: Any) -> MetadataCondition:
    path = tuple(storable_text(part.replace("\\.", ".")) for part in _DOT.split(str(key)))
    if any(not part or '"' in part for part in path) or len(path) > _DEEPEST:
        raise ConfigurationError(
            f"{str(key)[:80]!r} cannot be a key of metadata to filter by: parts between dots must not be empty, hold a "
            f"double quote or be more than {_DEEPEST}."
        )
    if not isinstance(wanted, Mapping):
        wanted = {"one_of": wanted} if isinstance(wanted, list | tuple | set | frozenset) else {"equals": wanted}
    unknown = sorted(str(one) for one in wanted if one not in _OPERATORS)
    if unknown or not wanted:
        raise ConfigurationError(
            f"Metadata {key!r} cannot be filtered by {', '.join(unknown) or 'nothing'}; take {', '.join(_OPERATORS)}."
        )
    exists = wanted.get("exists")
    if exists is not None and not isinstance(exists, bool):
        raise ConfigurationError(f"Metadata {key!r}: exists is true or false, and not {exists!r}.")
    bounds = tuple((name, _bound(key, wanted[name])) for name in _BOUNDS if name in wanted)
    return MetadataCondition(path, exists=exists, any_of=_any_of(key, wanted), bounds=bounds)


def _any_of(key: str, wanted: Mapping[str, Any]) -> tuple[Scalar, ...] | None:
    lists: list[list[Scalar]] = []
    if "equals" in wanted:
        lists.append([_scalar(key, wanted["equals"])])
    if "one_of" in wanted:
        values = wanted["one_of"]
        if not isinstance(values, list | tuple | set | frozenset) or len(values) > _MOST_VALUES:
            raise ConfigurationError(f"Metadata {key!r}: one_of takes a list of up to {_MOST_VALUES} values.")
        lists.append([_scalar(key, one) for one in values])
    if not lists:
        return None
    first, *others = lists
    typed = [{(type(one) is bool, one) for one in some} for some in others]
    return tuple(one for one in first if all((type(one) is bool, one) in some for some in typed))


def _scalar(key: str, value: Any) -> Scalar:
    if isinstance(value, str):
        return storable_text(value)
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ConfigurationError(f"Metadata {key!r} can be compared with texts, finite numbers, true, false and null.")


def _bound(key: str, value: Any) -> str | int | float:
    found = _scalar(key, value)
    if found is None or isinstance(found, bool):
        raise ConfigurationError(f"Metadata {key!r}: a bound is a number or a text, and not {value!r}.")
    return found


def _several(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _check_number(name: str, value: Any, *, whole: bool = False) -> None:
    if value is None:
        return
    kinds = int if whole else (int, float)
    fits = isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value)
    if not fits or abs(value) > LARGEST_NUMBER:
        raise ConfigurationError(f"The filter {name} is {value!r}; it must be a {'whole ' if whole else ''}number.")
