"""Keys: ``cat_<public id>_<secret>``, shown once and kept as a digest.

The secret has 256 random bits, so nobody finds it by trying, and a plain SHA-256 is as good as a slow hash: those make
guessable passwords expensive to try, and would cost every request milliseconds here.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from categoriser.catalog import Database, keys, storable_text
from categoriser.catalog.keys import KeyRow
from categoriser.errors import ConfigurationError, NotFoundError, UnauthenticatedError
from categoriser.library.access.principal import Principal
from categoriser.library.access.scopes import Scope, parse_scopes

PREFIX: Final = "cat_"
LONGEST_GRACE: Final = 90 * 86400.0  # seconds
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that reads like something else
_FORMAT: Final = re.compile(r"cat_([a-z0-9]{12})_[0-9a-f]{64}")
_LONGEST_LABEL: Final = 200
_NO_DIGEST: Final = hashlib.sha256(b"no key has this").hexdigest()


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What may be shown of a key; times in seconds since the epoch."""

    id: str
    label: str
    scopes: tuple[str, ...]
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    previous_until: float | None  # until then the key before the last rotation counts too
    last_used_at: float | None  # coarse: to within ten minutes
    per_second: float | None  # requests; None: as the settings say, 0: no limit
    cursor: int = 0  # of lists


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made or rotated: the only time that its text can be seen."""

    info: KeyInfo
    key: str = field(repr=False)


class Keys:
    """The life of keys."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def create(
        self,
        scopes: Sequence[str],
        *,
        label: str = "",
        seconds: float | None = None,
        per_second: float | None = None,
    ) -> NewKey:
        """Make a key.

        Args:
            scopes: ``admin``, ``read:NAME``, ``write:NAME``, with a star at the end of NAME for a prefix.
            label: for people.
            seconds: until it expires; None: never.
            per_second: requests that it may make; None: as the settings say, 0: no limit.

        Raises:
            ConfigurationError: one of them makes no sense.
        """
        wanted = parse_scopes(scopes)
        if len(label) > _LONGEST_LABEL or not label.isprintable() or label != storable_text(label):
            raise ConfigurationError(f"A key's label has up to {_LONGEST_LABEL} printable characters; shorten it.")
        if seconds is not None and not 0 < seconds < 1e10:
            raise ConfigurationError(f"A key cannot expire after {seconds:g} seconds; give more than 0, or none.")
        if per_second is not None and not 0 <= per_second < 1e9:
            raise ConfigurationError(f"{per_second:g} requests a second are no limit; give 0 or more, or none.")
        public_id = "".join(secrets.choice(_ALPHABET) for _ in range(12))
        key, now = _new_text(public_id), self._clock()
        with self._database.write() as connection:
            keys.insert(
                connection,
                {
                    "public_id": public_id,
                    "label": label,
                    "digest": digest_of(key),
                    "scopes": [str(scope) for scope in wanted],
                    "per_second": per_second,
                    "created_at": now,
                    "expires_at": None if seconds is None else now + seconds,
                },
            )
        return NewKey(self.get(public_id), key)

    def rotate(self, public_id: str, *, grace: float = 0) -> NewKey:
        """Give a key another secret; the old one counts for ``grace`` seconds more, and so do tokens made with it.

        Raises:
            NotFoundError: there is no such key.
            ConfigurationError: it was revoked or has expired, or the time makes no sense.
        """
        if not 0 <= grace <= LONGEST_GRACE:
            raise ConfigurationError(f"The old key cannot count for {grace:g} seconds; give 0 to {LONGEST_GRACE:.0f}.")
        key, now = _new_text(public_id), self._clock()
        with self._database.write() as connection:
            row = _found(keys.find(connection, public_id), public_id)
            if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
                raise ConfigurationError(f"The key {public_id} was revoked or has expired; make another one.")
            keys.change(
                connection,
                public_id,
                digest=digest_of(key),
                generation=row.generation + 1,
                previous_digest=row.digest if grace else None,
                previous_until=now + grace if grace else None,
            )
        return NewKey(self.get(public_id), key)

    def revoke(self, public_id: str) -> KeyInfo:
        """End a key and all tokens made with it, for good; doing it again changes nothing.

        Raises:
            NotFoundError: there is no such key.
        """
        with self._database.write() as connection:
            _found(keys.find(connection, public_id), public_id)
            keys.revoke(connection, public_id, self._clock())
        return self.get(public_id)

    def get(self, public_id: str) -> KeyInfo:
        """What may be shown of a key.

        Raises:
            NotFoundError: there is no such key.
        """
        with self._database.read() as connection:
            return _shown(_found(keys.find(connection, public_id), public_id))

    def page(self, *, after: int = 0, limit: int = 100) -> list[KeyInfo]:
        """Keys in the order they were made, revoked ones too."""
        with self._database.read() as connection:
            return [_shown(row) for row in keys.page(connection, after=after, limit=limit)]

    def check(self, text: str) -> Principal:
        """Whose key this is.

        Raises:
            UnauthenticatedError: nobody's, or it counts no more.
        """
        match = _FORMAT.fullmatch(text)
        row = None
        if match is not None:
            with self._database.read() as connection:
                row = keys.find(connection, match[1])
        now, digest = self._clock(), digest_of(text)
        # both are always compared, and with an unknown id as well: the time tells nothing
        current = hmac.compare_digest(digest, row.digest if row is not None else _NO_DIGEST)
        earlier = hmac.compare_digest(digest, (row.previous_digest if row is not None else None) or _NO_DIGEST)
        if row is None or not (current or earlier):
            raise UnauthenticatedError("This key is not valid; check that it is complete.", guessed=True)
        if not current and not (row.previous_until is not None and now < row.previous_until):
            raise UnauthenticatedError(f"The key {row.public_id} was rotated; use the new one.")
        check_alive(row, now)
        return Principal(
            kind="key",
            scopes=tuple(Scope.parse(scope) for scope in row.scopes),
            key_id=row.public_id,
            label=row.label,
            generation=row.generation if current else row.generation - 1,
            expires_at=row.expires_at if current else _sooner(row.expires_at, row.previous_until),
            per_second=row.per_second,
        )


def check_alive(row: KeyRow, now: float) -> None:
    """Whether a key counts.

    Raises:
        UnauthenticatedError: it was revoked or has expired.
    """
    if row.revoked_at is not None:
        raise UnauthenticatedError(f"The key {row.public_id} was revoked; ask for another one.")
    if row.expires_at is not None and row.expires_at <= now:
        raise UnauthenticatedError(f"The key {row.public_id} has expired; ask for another one.")


def digest_of(text: str) -> str:
    """How a key, or anything else that is secret, is remembered."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _new_text(public_id: str) -> str:
    return f"{PREFIX}{public_id}_{secrets.token_hex(32)}"


def _found(row: KeyRow | None, public_id: str) -> KeyRow:
    if row is None:
        raise NotFoundError(f"There is no key {public_id[:40]!r}; `categoriser keys list` shows all.")
    return row


def _shown(row: KeyRow) -> KeyInfo:
    return KeyInfo(
        id=row.public_id,
        label=row.label,
        scopes=tuple(row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        previous_until=row.previous_until,
        last_used_at=row.last_used_at,
        per_second=row.per_second,
        cursor=row.number,
    )


def _sooner(one: float | None, other: float | None) -> float | None:
    return min((time for time in (one, other) if time is not None), default=None)
