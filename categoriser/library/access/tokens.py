"""Tokens: signed, short-lived, and worth no more than the key they were made with, which ends them when it ends.

JSON Web Tokens (RFC 7519) signed with HMAC-SHA-256; they name the key, what they allow and when they end.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import jwt
from sqlalchemy.engine import Connection

from categoriser.catalog import Database, keys, storable_text
from categoriser.errors import ConfigurationError, ForbiddenError, UnauthenticatedError
from categoriser.library.access.keys import check_alive, digest_of
from categoriser.library.access.principal import Principal
from categoriser.library.access.scopes import Scope

LONGEST: Final = 86400.0  # seconds
_ISSUER: Final = "categoriser"
_ALGORITHM: Final = "HS256"
_LONGEST_NAME: Final = 255


@dataclass(frozen=True, slots=True)
class Token:
    """A token just made."""

    scopes: tuple[str, ...]
    expires_at: float  # seconds since the epoch
    token: str = field(repr=False)


class Tokens:
    """Makes tokens and tells whose they are."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def issue(self, giver: Principal, collection: str, right: Literal["read", "write"], seconds: float) -> Token:
        """A token for one collection.

        Raises:
            ForbiddenError: the giver is no key, or may not do that itself.
            ConfigurationError: the name or the time makes no sense.
        """
        if giver.kind != "key":
            raise ForbiddenError("Tokens are made with a key, not with another token; send a key.")
        if not collection or len(collection) > _LONGEST_NAME or collection != storable_text(collection):
            raise ConfigurationError(f"{collection[:80]!r} cannot name a collection; give its name.")
        if not 1 <= seconds <= LONGEST:
            raise ConfigurationError(f"A token lasts 1 to {LONGEST:.0f} seconds, and not {seconds:g}.")
        wanted = Scope(right, collection)
        if not any(scope.covers(wanted) for scope in giver.scopes):
            raise ForbiddenError(f"This key cannot give {right} access to collection {collection!r}: it has none.")
        return self._signed(giver, (wanted,), seconds, "token")

    def session(self, of: Principal, seconds: float) -> Token:
        """A token for a browser, with the rights of a key or token and never longer than it.

        Raises:
            ForbiddenError: there is no key behind it.
        """
        if of.kind not in {"key", "token"}:
            raise ForbiddenError("A browser signs in with a key or token; send one as Authorization: Bearer.")
        return self._signed(of, of.scopes, min(seconds, LONGEST), "session")

    def end(self, token: Principal) -> None:
        """A token counts no more."""
        if token.token_id is not None and token.expires_at is not None:
            with self._database.write() as connection:
                keys.end_token(connection, token.token_id, token.expires_at, self._clock())

    def renew_secret(self, *, grace: float = LONGEST) -> None:
        """Sign with another secret from now on; tokens made before count for ``grace`` seconds more at most.

        Raises:
            ConfigurationError: the time makes no sense.
        """
        if not 0 <= grace <= LONGEST:
            raise ConfigurationError(f"Earlier tokens cannot count for {grace:g} seconds; give 0 to {LONGEST:.0f}.")
        now = self._clock()
        with self._database.write() as connection:
            keys.new_secret(connection, secrets.token_hex(32), now=now, retire_at=now + grace)

    def check(self, text: str) -> Principal:
        """Whose token this is.

        Raises:
            UnauthenticatedError: nobody's, or it counts no more.
        """
        now = self._clock()
        try:
            number = int(jwt.get_unverified_header(text).get("kid", ""))
            with self._database.read() as connection:
                secret = keys.secret_of(connection, number, now) if 0 < number < 2**63 else None
                if secret is None:
                    raise UnauthenticatedError("This token is not valid any more; ask for another one.")
                claims = _verified(text, secret)
                ended = keys.is_ended(connection, claims["jti"])
                row = keys.find(connection, claims["sub"])
                scopes = _still_open(connection, claims)
            generation, expires_at = int(claims["gen"]), float(claims["exp"])
        except (jwt.InvalidTokenError, ConfigurationError, ValueError, TypeError, KeyError):
            raise UnauthenticatedError(
                "This is no valid key or token; check that it is complete, or ask for one.", guessed=True
            ) from None
        if row is None or ended or not scopes or expires_at <= now:
            raise UnauthenticatedError("This token has expired; ask for another one.")
        check_alive(row, now)
        previous = row.previous_until is not None and now < row.previous_until
        if generation != row.generation and not (generation == row.generation - 1 and previous):
            raise UnauthenticatedError(f"The key {row.public_id} of this token was rotated; ask for another token.")
        owned = [Scope.parse(scope) for scope in row.scopes]
        return Principal(
            kind="session" if claims["typ"] == "session" else "token",
            scopes=tuple(scope for scope in scopes if any(own.covers(scope) for own in owned)),
            key_id=row.public_id,
            label=row.label,
            generation=generation,
            token_id=claims["jti"],
            expires_at=expires_at,
        )

    def _signed(self, of: Principal, scopes: Sequence[Scope], seconds: float, kind: str) -> Token:
        number, secret = self._secret()
        now = self._clock()
        expires_at = now + seconds if of.expires_at is None else min(now + seconds, of.expires_at)
        texts = tuple(str(scope) for scope in scopes)
        claims = {
            "iss": _ISSUER,
            "sub": of.key_id,
            "gen": of.generation,
            "scp": list(texts),
            "typ": kind,
            "jti": secrets.token_hex(16),
            "iat": now,
            "exp": int(expires_at),
        }
        text = jwt.encode(claims, bytes.fromhex(secret), algorithm=_ALGORITHM, headers={"kid": str(number)})
        return Token(texts, float(int(expires_at)), text)

    def _secret(self) -> tuple[int, str]:
        with self._database.read() as connection:
            found = keys.signing_secret(connection)
        if found is not None:
            return found
        with self._database.write() as connection:
            found = keys.signing_secret(connection)  # another thread may have been first
            if found is None:
                secret, now = secrets.token_hex(32), self._clock()
                found = keys.new_secret(connection, secret, now=now, retire_at=now + LONGEST), secret
        return found


def _still_open(connection: Connection, claims: dict[str, Any]) -> list[Scope]:
    """The scopes, without those to collections that were deleted since: who has such a name now is somebody else."""
    scopes = [Scope.parse(scope) for scope in claims["scp"]]
    digests = {scope: digest_of(scope.name) for scope in scopes if scope.name and not scope.prefix}
    closed = keys.closed_at(connection, sorted(set(digests.values())))
    made = float(claims["iat"])
    return [scope for scope in scopes if scope not in digests or closed.get(digests[scope], 0.0) < made]


def _verified(text: str, secret: str) -> dict[str, Any]:
    """The claims, signature checked; when it ends is for the caller to look at, by the clock of the library."""
    claims: dict[str, Any] = jwt.decode(
        text,
        bytes.fromhex(secret),
        algorithms=[_ALGORITHM],
        issuer=_ISSUER,
        options={
            "require": ["iss", "sub", "gen", "scp", "typ", "jti", "iat", "exp"],
            "verify_exp": False,
            "verify_iat": False,
        },
    )
    return claims
