"""Delivers events to webhooks while a service runs: each in order, at least once, and by one process at a time."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self, TypeAlias

from categoriser.catalog import Database
from categoriser.catalog import webhooks as stored
from categoriser.catalog.webhooks import WebhookRow
from categoriser.errors import NotFoundError
from categoriser.library.webhooks.message import Message, headers
from categoriser.library.webhooks.posting import GONE, Answer, Poster
from categoriser.library.webhooks.registry import log_switch
from categoriser.settings_outgoing import WebhookSettings

_BATCH: Final = 50  # deliveries between two notes of how far a webhook is: at most these are repeated after a crash
_BATCH_SECONDS: Final = 1.0
_TURN_SECONDS: Final = 10.0  # then it is another webhook's turn
_LEASE_MARGIN: Final = 5.0  # seconds
_BREATH: Final = 0.2  # between looks, however much happens
_AFTER_YOU: Final = 0.02  # whose doing it is that there is something to look for is answered first
_LONGEST_RETRY_AFTER: Final = 24 * 3600.0

Messages: TypeAlias = Callable[[int, int, Sequence[str], int], tuple[list[Message], int]]

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Progress:
    """What came of a batch."""

    cursor: int
    attempts: list[dict[str, Any]] = field(default_factory=list)
    failed: Answer | None = None


class Sender:
    """Use it as a context manager: leaving it finishes the deliveries under way and notes how far each webhook is.

    Args:
        database: where webhooks and events are.
        settings: limits and patience.
        messages: (collection id, after, kinds, limit) → messages, and the cursor behind all that was looked at.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        database: Database,
        settings: WebhookSettings,
        messages: Messages,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._settings = settings
        self._messages = messages
        self._clock = clock
        # more than the last delivery of a batch may take; so long nobody is told after a crash
        self._lease_seconds = 2 * settings.seconds + _BATCH_SECONDS + _LEASE_MARGIN
        self._stopping = threading.Event()
        self._bell = threading.Event()
        self._busy: set[int] = set()
        self._poster = Poster(
            allow_private=settings.allow_private_addresses, seconds=settings.seconds, connections=settings.workers
        )
        self._workers = ThreadPoolExecutor(settings.workers, thread_name_prefix="webhook")
        self._thread = threading.Thread(target=self._watch, name="webhooks", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._bell.set()
        self._thread.join()
        self._workers.shutdown()
        self._poster.__exit__()

    def _watch(self) -> None:
        with self._database.feed.listening(None, self._bell.set):
            while not self._stopping.is_set():
                self._bell.clear()  # before looking: what is committed after the look rings it again
                try:
                    patience = self._look()
                except Exception:  # a database that is away comes back
                    _log.exception("webhooks could not be looked after; trying again")
                    patience = self._settings.poll_seconds
                self._stopping.wait(_BREATH)
                self._bell.wait(patience)
                self._stopping.wait(_AFTER_YOU)

    def _look(self) -> float:
        """Begin what is due; returns the seconds until something else may be."""
        now = self._clock()
        with self._database.glance() as connection:
            waiting = [one for one in stored.due(connection, now) if one.id not in self._busy]
            following = stored.next_turn(connection)
        for one in waiting:
            self._busy.add(one.id)
            self._workers.submit(self._turn, one).add_done_callback(self._done(one.id))
        soon = self._settings.poll_seconds if following is None else following - now
        return min(self._settings.poll_seconds, max(_BREATH, soon))

    def _done(self, webhook_id: int) -> Callable[[Future[None]], None]:
        def done(future: Future[None]) -> None:
            self._busy.discard(webhook_id)
            self._bell.set()  # there may be more for it
            if future.exception() is not None:
                _log.error("a webhook could not be served", exc_info=future.exception())

        return done

    def _turn(self, webhook: WebhookRow) -> None:
        now = self._clock()
        with self._database.write() as connection:
            mine = stored.claim(connection, webhook, now=now, expires_at=now + self._lease_seconds)
            if mine is None:
                return
            stored.adopt(connection, mine)
        until = time.monotonic() + _TURN_SECONDS
        going = True
        while going and not self._stopping.is_set() and time.monotonic() < until:
            with self._database.read() as connection:
                places = stored.behind(connection, mine)
            going = bool(places)
            for collection_id, cursor in places:
                served = None if self._stopping.is_set() else self._serve(mine, collection_id, cursor)
                if served is None:
                    going = False
                    break
                mine = served
        with self._database.write() as connection:
            stored.release(connection, mine)

    def _serve(self, webhook: WebhookRow, collection_id: int, cursor: int) -> WebhookRow | None:
        """Deliver a batch and note it; None: no more for now."""
        try:
            messages, following = self._messages(collection_id, cursor, webhook.kinds, _BATCH)
        except NotFoundError:  # the collection was deleted, and its place with it
            return webhook
        progress = self._deliver(webhook, collection_id, messages, _Progress(cursor))
        everything = not messages or progress.cursor == messages[-1].cursor
        values, off = self._consequence(webhook, progress)
        with self._database.write() as connection:
            place = following if everything else progress.cursor
            mine = stored.advance(connection, webhook, collection_id, place, **values)
            stored.record(connection, webhook.id, progress.attempts)
            if not mine:
                return None  # taken over, changed or removed meanwhile
            if off is not None:
                log_switch(connection, webhook, collection_id, on=False, reason=off)
        if progress.failed is not None:
            return None
        return replace(webhook, failures=0, failing_since=None) if progress.attempts else webhook

    def _deliver(
        self, webhook: WebhookRow, collection_id: int, messages: Sequence[Message], progress: _Progress
    ) -> _Progress:
        until = time.monotonic() + _BATCH_SECONDS
        for message in messages:
            if self._stopping.is_set() or time.monotonic() > until:
                break
            now = self._clock()
            answer = self._poster.post(webhook.url, message.body, headers(message, webhook.valid_secrets(now), now))
            first = not progress.attempts
            progress.attempts.append(
                {
                    "collection_id": collection_id,
                    "cursor": message.cursor,
                    "message": message.id,
                    "kind": message.kind,
                    "at": now,
                    "attempt": webhook.failures + 1 if first else 1,
                    "status": answer.status,
                    "seconds": answer.seconds,
                    "problem": answer.problem,
                }
            )
            if answer.problem is not None:
                progress.failed = answer
                break
            progress.cursor = message.cursor or progress.cursor
        return progress

    def _consequence(self, webhook: WebhookRow, progress: _Progress) -> tuple[Mapping[str, Any], str | None]:
        """What becomes of a webhook after a batch, and why it is disabled, if it is."""
        now, answer = self._clock(), progress.failed
        if answer is None:
            recovered = {"failures": 0, "failing_since": None, "next_at": 0.0, "reason": None}
            return {"expires_at": now + self._lease_seconds, **(recovered if progress.attempts else {})}, None
        again = webhook.failures if len(progress.attempts) == 1 else 0  # one that was received ends a row of failures
        since = webhook.failing_since if again and webhook.failing_since is not None else now
        failed: dict[str, Any] = {"failures": again + 1, "failing_since": since, "reason": answer.problem}
        off = None
        if answer.status == GONE:
            off = "it answered 410: nobody is there any more"
        elif now - since >= self._settings.give_up_hours * 3600:
            off = f"nothing was received for {self._settings.give_up_hours:g} hours; the last attempt: {answer.problem}"
        if off is not None:
            _log.warning("webhook %s was disabled: %s", webhook.key, off)
            return {**failed, "expires_at": 0.0, "disabled_at": now, "reason": off}, off
        return {**failed, "expires_at": 0.0, "next_at": now + self._wait(again, answer)}, None

    def _wait(self, failures: int, answer: Answer) -> float:
        """Seconds until the next attempt: twice as long each time, not for all at the same moment."""
        longest = self._settings.longest_wait
        wait = min(longest, self._settings.first_wait * 2.0 ** min(failures, 30)) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load
        return max(wait, min(answer.retry_after or 0.0, _LONGEST_RETRY_AFTER))
