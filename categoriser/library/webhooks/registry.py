"""Who is told: register, look, change, try, replay."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from categoriser.catalog import Database, events
from categoriser.catalog import webhooks as stored
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.webhooks import WebhookRow
from categoriser.domain import EVENT_KINDS
from categoriser.errors import ConfigurationError, NotFoundError, RejectedError
from categoriser.library.webhooks.message import Message, headers, new_secret
from categoriser.library.webhooks.posting import Poster, check_address
from categoriser.settings_outgoing import WebhookSettings

_HOUR = 3600.0
_LONGEST_OVERLAP = 30 * 24.0  # hours


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who is told of what. ``enabled``: False when it answered that it is gone, failed for long, or was switched off.

    ``waiting``: events behind what it was told. ``secrets``: how many deliveries are signed with at the moment.
    """

    id: str
    url: str
    types: Sequence[str]  # kinds of events; none: all
    created_at: float
    enabled: bool
    waiting: int
    failures: int  # attempts since the last success
    secrets: int
    prefix: str | None = None  # of names of collections; None: it belongs to one
    failing_since: float | None = None
    next_at: float | None = None  # when it is tried again
    problem: str | None = None  # why it is disabled, or what went wrong last


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook with the secret that its deliveries are signed with, which is shown this once."""

    webhook: Webhook
    secret: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt. ``status``: of HTTP, None when there was no answer; ``problem``: None when it was received."""

    id: int
    message: str
    kind: str
    at: float
    attempt: int
    seconds: float
    collection: str | None = None
    cursor: int | None = None
    status: int | None = None
    problem: str | None = None


class Webhooks:
    """The webhooks of one collection; without one, those of all collections whose names begin alike."""

    def __init__(self, database: Database, settings: WebhookSettings, collection: CollectionRow | None) -> None:
        self._database = database
        self._settings = settings
        self._collection = collection
        self._of = None if collection is None else collection.id

    def add(self, url: str, *, types: Iterable[str] = (), prefix: str | None = None) -> NewWebhook:
        """Have an address told of what happens from now on.

        Args:
            url: an https address.
            types: kinds of events (``EVENT_KINDS``); by default all.
            prefix: where these are not the webhooks of one collection: how the names of its collections begin.

        Raises:
            RejectedError: the address cannot be used, or there are as many webhooks as may be.
            ConfigurationError: there is no such kind, or the prefix is missing.
        """
        if (prefix is None) == (self._of is None):
            raise ConfigurationError("A webhook belongs to a collection, or has a prefix of collections' names.")
        address = check_address(url, allow_private=self._settings.allow_private_addresses)
        kinds, secret = _kinds(types), new_secret()
        with self._database.write() as connection:
            if stored.count(connection, self._of) >= self._settings.per_collection:
                raise RejectedError(
                    f"There are {self._settings.per_collection} webhooks already, and no more may be; remove one."
                )
            row = stored.create(
                connection,
                url=address,
                kinds=kinds,
                secret=secret,
                now=time.time(),
                collection_id=self._of,
                prefix=prefix,
            )
            return NewWebhook(_shown(connection, row), secret)

    def list(self, *, after: str = "", limit: int = 100) -> Sequence[Webhook]:
        """By id, those after an id."""
        with self._database.read() as connection:
            rows = stored.page(connection, self._of, after=after, limit=limit)
            return [_shown(connection, row) for row in rows]

    def get(self, webhook: str) -> Webhook:
        """One webhook.

        Raises:
            NotFoundError: there is none with this id.
        """
        with self._database.read() as connection:
            return _shown(connection, self._row(connection, webhook))

    def change(
        self,
        webhook: str,
        *,
        url: str | None = None,
        types: Iterable[str] | None = None,
        enabled: bool | None = None,
    ) -> Webhook:
        """Change what is given. Enabled again, it is told of everything since it was told last.

        Raises:
            NotFoundError: there is none with this id.
            RejectedError: the address cannot be used.
            ConfigurationError: there is no such kind.
        """
        values: dict[str, Any] = {}
        if url is not None:
            values["url"] = check_address(url, allow_private=self._settings.allow_private_addresses)
        if types is not None:
            values["kinds"] = _kinds(types)
        if enabled is not None:
            off = {"disabled_at": time.time(), "reason": "it was switched off"}
            values |= {**_RECOVERED, "disabled_at": None, "reason": None} if enabled else off
        with self._database.write() as connection:
            row = self._row(connection, webhook)
            stored.update(connection, row.id, **values)
            if enabled is not None and enabled == (row.disabled_at is not None):
                log_switch(connection, row, self._of, on=enabled, reason=values["reason"])
            return _shown(connection, self._row(connection, webhook))

    def remove(self, webhook: str) -> None:
        """Tell it nothing any more.

        Raises:
            NotFoundError: there is none with this id.
        """
        with self._database.write() as connection:
            stored.remove(connection, self._row(connection, webhook).id)

    def rotate(self, webhook: str, *, overlap_hours: float = 24.0) -> NewWebhook:
        """A new secret, shown this once; for some hours deliveries are signed with the old one as well.

        Raises:
            NotFoundError: there is none with this id.
            ConfigurationError: the hours are not from 0 to 720.
        """
        if not 0 <= overlap_hours <= _LONGEST_OVERLAP:
            raise ConfigurationError(f"The overlap is {overlap_hours} hours; it must be from 0 to {_LONGEST_OVERLAP}.")
        now, secret = time.time(), new_secret()
        until = now + overlap_hours * _HOUR
        with self._database.write() as connection:
            row = self._row(connection, webhook)
            old = [[one, min(until, end or until)] for one, end in row.secrets if end is None or end > now]
            stored.update(connection, row.id, secrets=[[secret, None], *old[:1]] if overlap_hours else [[secret, None]])
            return NewWebhook(_shown(connection, self._row(connection, webhook)), secret)

    def replay(self, webhook: str, after: int) -> Webhook:
        """Deliver everything behind a cursor again, in order and with the message ids that it had.

        Raises:
            NotFoundError: there is none with this id.
        """
        with self._database.write() as connection:
            row = self._row(connection, webhook)
            stored.rewind(connection, row.id, max(0, after))
            stored.update(connection, row.id, next_at=0.0)
            return _shown(connection, self._row(connection, webhook))

    def ping(self, webhook: str) -> Delivery:
        """Send something to try it, now, whether or not it is enabled; it stands in the log like others.

        Raises:
            NotFoundError: there is none with this id.
        """
        with self._database.read() as connection:
            row = self._row(connection, webhook)
        now = time.time()
        message = Message.ping(now)
        with Poster(allow_private=self._settings.allow_private_addresses, seconds=self._settings.seconds) as poster:
            answer = poster.post(row.url, message.body, headers(message, row.valid_secrets(now), now))
        attempt = {
            "collection_id": self._of,
            "cursor": None,
            "message": message.id,
            "kind": message.kind,
            "at": now,
            "attempt": 1,
            "status": answer.status,
            "seconds": answer.seconds,
            "problem": answer.problem,
        }
        with self._database.write() as connection:
            stored.record(connection, self._row(connection, webhook).id, [attempt])
        return self.deliveries(webhook, limit=1)[0]

    def deliveries(self, webhook: str, *, before: int | None = None, limit: int = 100) -> Sequence[Delivery]:
        """The last attempts, the newest first.

        Args:
            webhook: its id.
            before: id of the attempt that the page is to go on behind.
            limit: length of the page.

        Raises:
            NotFoundError: there is none with this id.
        """
        with self._database.read() as connection:
            row = self._row(connection, webhook)
            found = stored.attempts(connection, row.id, before=before, limit=limit)
        return [_delivery(entry, collection) for entry, collection in found]

    def _row(self, connection: Connection, webhook: str) -> WebhookRow:
        row = stored.by_key(connection, webhook, self._of)
        if row is None:
            whose = "with a prefix" if self._collection is None else f"of collection {self._collection.name!r}"
            raise NotFoundError(f"There is no webhook {webhook!r} {whose}.")
        return row


_RECOVERED: Mapping[str, Any] = {"failures": 0, "failing_since": None, "next_at": 0.0}


def log_switch(
    connection: Connection, webhook: WebhookRow, collection_id: int | None, *, on: bool, reason: str | None
) -> None:
    """Say in a collection's log that a webhook was enabled or disabled."""
    if collection_id is not None:
        detail = {"webhook": webhook.key} | ({} if reason is None else {"reason": reason})
        events.append(connection, collection_id, [{"kind": "webhook-on" if on else "webhook-off", "detail": detail}])


def _kinds(types: Iterable[str]) -> list[str]:
    wanted = [types] if isinstance(types, str) else list(dict.fromkeys(types))
    unknown = [kind for kind in wanted if kind not in EVENT_KINDS]
    if unknown:
        raise ConfigurationError(f"{unknown[0]!r} is no kind of event; there are {', '.join(EVENT_KINDS)}.")
    return wanted


def _shown(connection: Connection, row: WebhookRow) -> Webhook:
    return Webhook(
        id=row.key,
        url=row.url,
        types=row.kinds,
        created_at=row.created_at,
        enabled=row.disabled_at is None,
        waiting=stored.waiting(connection, row),
        failures=row.failures,
        secrets=len(row.valid_secrets(time.time())),
        prefix=row.prefix,
        failing_since=row.failing_since,
        next_at=row.next_at if row.failures and row.disabled_at is None else None,
        problem=row.reason,
    )


def _delivery(entry: Mapping[str, Any], collection: str | None) -> Delivery:
    names = ("id", "message", "kind", "at", "attempt", "seconds", "cursor", "status", "problem")
    return Delivery(**{name: entry[name] for name in names}, collection=collection)
