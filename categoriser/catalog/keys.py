"""Keys as stored, what signs tokens, and tokens that were ended early."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from categoriser.catalog.tables_access import api_keys, closed_names, ended_tokens, token_secrets


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as stored; times in seconds since the epoch."""

    number: int
    public_id: str
    label: str
    digest: str
    generation: int
    previous_digest: str | None
    previous_until: float | None
    scopes: Sequence[str]
    per_second: float | None
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    last_used_at: float | None


_COLUMNS = [api_keys.c[name] for name in KeyRow.__dataclass_fields__]
_BY_ID = sa.select(*_COLUMNS).where(api_keys.c.public_id == sa.bindparam("which"))


def insert(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add a key."""
    connection.execute(sa.insert(api_keys).values(**values))


def find(connection: Connection, public_id: str) -> KeyRow | None:
    """The key with that public id, whatever its state."""
    row = connection.execute(_BY_ID, {"which": public_id}).one_or_none()
    return None if row is None else KeyRow(**row._mapping)


def any_exist(connection: Connection) -> bool:
    """Whether a key was ever made; revoked and expired ones count, so that revoking the last opens nothing."""
    return connection.execute(sa.select(api_keys.c.number).limit(1)).first() is not None


def any_valid(connection: Connection, now: float) -> bool:
    """Whether there is a key that somebody can use."""
    return connection.execute(sa.select(api_keys.c.number).where(_valid(now)).limit(1)).first() is not None


def page(connection: Connection, *, after: int = 0, limit: int = 100) -> list[KeyRow]:
    """Keys in the order they were made."""
    query = sa.select(*_COLUMNS).where(api_keys.c.number > after).order_by(api_keys.c.number).limit(limit)
    return [KeyRow(**row._mapping) for row in connection.execute(query)]


def change(connection: Connection, public_id: str, **values: Any) -> None:
    """Set columns of a key."""
    connection.execute(sa.update(api_keys).where(api_keys.c.public_id == public_id).values(**values))


def revoke(connection: Connection, public_id: str, now: float) -> None:
    """End a key for good; the first time counts."""
    connection.execute(
        sa.update(api_keys)
        .where(api_keys.c.public_id == public_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def note_use(connection: Connection, used: Mapping[str, float]) -> None:
    """Note when keys were last used; time never goes back."""
    if not used:
        return
    never = sa.or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < sa.bindparam("at"))
    one = sa.update(api_keys).where(api_keys.c.public_id == sa.bindparam("of"), never)
    times = [{"of": public_id, "at": at} for public_id, at in used.items()]
    connection.execute(one.values(last_used_at=sa.bindparam("at")), times)


def naming_scopes(connection: Connection, texts: Sequence[str], *, chunk: int = 500) -> list[KeyRow]:
    """Keys that have one of these very scopes."""
    wanted, found, last = set(texts), [], 0
    while some := page(connection, after=last, limit=chunk):
        found += [row for row in some if wanted.intersection(row.scopes)]
        last = some[-1].number
    return found


def signing_secret(connection: Connection) -> tuple[int, str] | None:
    """Number and hexadecimal secret of what signs new tokens."""
    query = (
        sa.select(token_secrets.c.number, token_secrets.c.secret)
        .where(token_secrets.c.retires_at.is_(None))
        .order_by(token_secrets.c.number.desc())
    )
    row = connection.execute(query).first()
    return None if row is None else (row.number, row.secret)


def secret_of(connection: Connection, number: int, now: float) -> str | None:
    """The secret of that number, as long as what it signed counts."""
    counts = sa.or_(token_secrets.c.retires_at.is_(None), token_secrets.c.retires_at > now)
    query = sa.select(token_secrets.c.secret).where(token_secrets.c.number == number, counts)
    return connection.execute(query).scalar_one_or_none()


def new_secret(connection: Connection, secret: str, *, now: float, retire_at: float) -> int:
    """Sign with another secret from now on; what earlier ones signed counts until ``retire_at`` at most."""
    later = sa.or_(token_secrets.c.retires_at.is_(None), token_secrets.c.retires_at > retire_at)
    connection.execute(sa.update(token_secrets).where(later).values(retires_at=retire_at))
    connection.execute(sa.delete(token_secrets).where(token_secrets.c.retires_at <= now))
    values = {"secret": secret, "created_at": now}
    return int(
        connection.execute(sa.insert(token_secrets).values(**values).returning(token_secrets.c.number)).scalar_one()
    )


def end_token(connection: Connection, token_id: str, expires_at: float, now: float) -> None:
    """A token counts no more; forgets those whose time has come anyway."""
    connection.execute(sa.delete(ended_tokens).where(ended_tokens.c.expires_at < now))
    if not is_ended(connection, token_id):
        connection.execute(sa.insert(ended_tokens).values(token_id=token_id, expires_at=expires_at))


def is_ended(connection: Connection, token_id: str) -> bool:
    """Whether a token was ended early."""
    query = sa.select(ended_tokens.c.token_id).where(ended_tokens.c.token_id == token_id)
    return connection.execute(query).first() is not None


def close_name(connection: Connection, digest: str, *, now: float, longest: float) -> None:
    """Tokens for a collection's name that were made until now count no more; forgets what no token can be left of."""
    connection.execute(
        sa.delete(closed_names).where(sa.or_(closed_names.c.digest == digest, closed_names.c.at < now - longest))
    )
    connection.execute(sa.insert(closed_names).values(digest=digest, at=now))


def closed_at(connection: Connection, digests: Sequence[str]) -> dict[str, float]:
    """When names were closed last, those that were."""
    if not digests:
        return {}
    query = sa.select(closed_names.c.digest, closed_names.c.at).where(closed_names.c.digest.in_(digests))
    return {row.digest: row.at for row in connection.execute(query)}


def _valid(now: float) -> sa.ColumnElement[bool]:
    return sa.and_(
        api_keys.c.revoked_at.is_(None), sa.or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now)
    )
