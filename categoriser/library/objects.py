"""Pictures that an object store tells of: fetched when they appear, deleted when they go.

Every event may come twice, late or out of order. What is known of an object tells whether an event is news.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote, unquote_plus

from categoriser.catalog import collections, inbox, objects, storable_text
from categoriser.catalog.collections import CollectionRow
from categoriser.catalog.tables import Record
from categoriser.errors import CategoriserError, ConfigurationError, RejectedError
from categoriser.intake import Item, sha256
from categoriser.pipeline import Promised, check_id, promised_entry

if TYPE_CHECKING:
    from categoriser.library.library import Library

_BUCKET: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9])?")
_LONGEST_ID: Final = 512
_AGAIN_SECONDS: Final = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """One record of a notification, as S3 and MinIO write them."""

    kind: Literal["created", "removed", "other"]
    bucket: str
    key: str
    version: str | None = None
    etag: str | None = None
    sequencer: str | None = None  # hexadecimal; larger is later, for the same key

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> ObjectEvent:
        """Read a record; the key in it is URL-encoded.

        Raises:
            RejectedError: it has not the form of one.
        """
        try:
            name, about = str(record["eventName"]), record["s3"]
            bucket, thing = str(about["bucket"]["name"]), about["object"]
            key = unquote_plus(str(thing["key"]))
        except (KeyError, TypeError):
            raise RejectedError("A record lacks eventName, s3.bucket.name or s3.object.key; send S3 events.") from None
        action = name.removeprefix("s3:").partition(":")[0]
        kinds: dict[str, Literal["created", "removed"]] = {"ObjectCreated": "created", "ObjectRemoved": "removed"}
        facts = (thing.get(field) for field in ("versionId", "eTag", "sequencer"))
        version, etag, sequencer = (None if fact in {None, ""} else storable_text(str(fact))[:1024] for fact in facts)
        return cls(kinds.get(action, "other"), bucket, key, version, etag, sequencer)


@dataclass(slots=True)
class ObjectReport:
    """What became of the records of one notification."""

    taken: int = 0
    removed: int = 0
    ignored: int = 0


class Objects:
    """What a library knows of object stores."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._storage = library.storage
        self._settings = library.settings.uploads
        self._buckets = {one.strip() for one in self._settings.object_buckets.split(",") if one.strip()}
        self._news = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def take(self, row: CollectionRow, events: Sequence[ObjectEvent]) -> ObjectReport:
        """Note events; on return nothing of them can be lost. Fetching and deleting follow.

        Raises:
            ConfigurationError: no setting says where objects are fetched.
            BusyError: too many pictures wait already.
        """
        if not self._settings.object_url:
            raise ConfigurationError(
                "Set uploads.object_url to where objects are fetched, such as http://minio:9000/{bucket}/{key}."
            )
        report = ObjectReport()
        with self._storage.database.read() as connection:
            known = objects.find(connection, row.id, [objects.digest_of(one.bucket, one.key) for one in events])
        changed: dict[str, dict[str, Any]] = {}
        promised: list[Promised] = []
        for event in events:
            digest = objects.digest_of(event.bucket, event.key)
            before = changed.get(digest) or known.get(digest)
            if not self._is_news(event, before):
                report.ignored += 1
                continue
            changed[digest] = self._after(event, digest, before)
            if event.kind == "created":
                promised.append(self._promised(event, str(changed[digest]["image_id"])))
                report.taken += 1
            else:
                report.removed += 1
        if promised:  # first: were we to end here, the event comes again
            self._library.uploads.promise(row, promised, remembered=False)[1].result()
        with self._storage.database.write() as connection:
            objects.put(connection, row.id, list(changed.values()))
        if any(state["outdated"] for state in changed.values()):
            self._wake()
        return report

    def resume(self) -> None:
        """Delete what an earlier process did not come to delete."""
        with self._storage.database.read() as connection:
            left = objects.outdated(connection, limit=1)
        if left:
            self._wake()

    def close(self) -> None:
        """Stop; what was not deleted is deleted after the next start."""
        self._closed.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join()

    def _is_news(self, event: ObjectEvent, before: Mapping[str, Any] | None) -> bool:
        if event.kind == "other" or not self._is_ours(event):
            return False
        if before is None:
            return event.kind == "created"
        if event.sequencer and before["sequencer"] and not _later(event.sequencer, before["sequencer"]):
            return False
        if event.kind == "removed":
            of_another = event.version is not None and before["version"] not in {None, event.version}
            return before["image_id"] is not None and self._settings.object_deletes and not of_another
        same = (before["version"], before["etag"]) == (event.version, event.etag)
        return before["image_id"] is None or not same

    def _is_ours(self, event: ObjectEvent) -> bool:
        if not _BUCKET.fullmatch(event.bucket) or (self._buckets and event.bucket not in self._buckets):
            return False
        steps = event.key.split("/")
        return bool(event.key) and steps[-1] != "" and not {".", ".."}.intersection(steps) and "\x00" not in event.key

    def _after(self, event: ObjectEvent, digest: str, before: Mapping[str, Any] | None) -> dict[str, Any]:
        outdated = list((before and before["outdated"]) or [])
        if before is not None and before["image_id"] is not None and self._settings.object_deletes:
            outdated.append(before["image_id"])
        return {
            "digest": digest,
            "bucket": storable_text(event.bucket),
            "key": storable_text(event.key),
            "version": event.version,
            "etag": event.etag,
            "sequencer": event.sequencer or (before and before["sequencer"]),
            "image_id": None if event.kind == "removed" else _image_id(event, again=before is not None),
            "outdated": outdated or None,
            "at": time.time(),
        }

    def _promised(self, event: ObjectEvent, image_id: str) -> Promised:
        bucket, key = quote(event.bucket, safe=""), quote(event.key, safe="/", errors="replace")
        place = self._settings.object_url
        if "{key}" not in place:
            place = place.rstrip("/") + "/{bucket}/{key}"
        version = quote(event.version or "", safe="")
        url = place.replace("{bucket}", bucket).replace("{version}", version).replace("{key}", key)
        name = storable_text(event.key.rpartition("/")[2])
        facts = {"bucket": storable_text(event.bucket), "key": storable_text(event.key)}
        item = Item(name, url=url, image_id=image_id, metadata=facts, inside=True)
        return Promised(name, promised_entry(item, None))

    def _wake(self) -> None:
        with self._starting:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._work, name="objects", daemon=True)
                self._thread.start()
        self._news.set()

    def _work(self) -> None:
        while not self._closed.is_set():
            self._news.clear()
            try:
                left = self._delete_outdated()
            except CategoriserError:
                _log.exception("images of removed objects could not be deleted; trying again")
                left = True
            if left:
                self._closed.wait(_AGAIN_SECONDS)
            else:
                self._news.wait()

    def _delete_outdated(self) -> bool:
        """Whether anything is left to do."""
        with self._storage.database.read() as connection:
            found = objects.outdated(connection)
        for state in found:
            if self._closed.is_set():
                return False
            self._delete(state)
        with self._storage.database.read() as connection:
            return bool(objects.outdated(connection, limit=1))

    def _delete(self, state: Record) -> None:
        with self._storage.database.read() as connection:
            row = collections.get(connection, state["collection_id"])
        if row is None:
            return
        collection = self._library.collection(row.name, create=False)
        gone = []
        for image_id in state["outdated"]:
            with self._storage.database.write() as connection:
                withdrawn = inbox.withdraw(connection, row.id, image_id)
            collection.delete([image_id])
            if not withdrawn:  # else it may be on its way through the pipeline: looked at once more
                gone.append(image_id)
        with self._storage.database.write() as connection:
            objects.settle(connection, row.id, state["digest"], gone)


def _image_id(event: ObjectEvent, *, again: bool) -> str:
    """The bucket and key; of later contents of the same key something else, since ids are not used twice."""
    plain = f"{event.bucket}/{event.key}"
    told = f"{event.version}/{event.etag}/{event.sequencer}"
    wanted = f"{plain}#{sha256(told.encode('utf-8', 'replace'))[:8]}" if again else plain
    try:
        check_id(wanted)
    except RejectedError:
        wanted = ""
    if not wanted or len(wanted) > _LONGEST_ID:
        return f"{event.bucket}/{sha256(wanted.encode() + f'{plain} {told}'.encode('utf-8', 'replace'))}"
    return wanted


def _later(one: str, other: str) -> bool:
    """Whether a sequencer is larger: hexadecimal numbers that may differ in length, compared from the left."""
    length = max(len(one), len(other))
    return one.ljust(length, "0").lower() > other.ljust(length, "0").lower()
