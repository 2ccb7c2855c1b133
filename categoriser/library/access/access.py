"""Everything about access to one library, in one place."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from categoriser.catalog import Database, audit, keys, sqlite_url
from categoriser.errors import NotFoundError
from categoriser.library.access.keys import PREFIX, KeyInfo, Keys, NewKey, digest_of
from categoriser.library.access.principal import Principal
from categoriser.library.access.scopes import Scope
from categoriser.library.access.tokens import LONGEST, Tokens
from categoriser.library.access.trail import Trail
from categoriser.settings import AccessSettings, Settings

FRESH: Final = 1.0  # seconds within which a key or token that was found valid is not looked up again
_REMEMBERED: Final = 10_000  # keys and tokens


class Access:
    """Keys, tokens, the trail, and who a key or token belongs to.

    What another process changes, such as ``categoriser keys revoke`` beside a running service, counts here after one
    second at most; what this one changes counts at once.
    """

    def __init__(self, database: Database, settings: AccessSettings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.clock = clock
        self._database = database
        self._keys = Keys(database, self._now)
        self.tokens = Tokens(database, self._now)
        self.trail = Trail(database, self._now)
        self._valid: OrderedDict[str, tuple[Principal, float]] = OrderedDict()  # by digest
        self._noting = threading.Lock()
        self._epoch = 0  # grows when everything is to be looked up anew
        self._made: tuple[bool, float] = (False, 0.0)  # whether a key was ever made, and when that was looked up

    def close(self) -> None:
        """Write what the trail still holds."""
        self.trail.close()

    def needed(self, *, beyond_loopback: bool) -> bool:
        """Whether a key must be shown; ``beyond_loopback``: other machines can reach the service."""
        if self.settings.keys == "off":
            return False
        if self.settings.keys == "required" or beyond_loopback:
            return True
        made, looked = self._made
        now = time.monotonic()
        if not made and (looked == 0.0 or now - looked > FRESH):
            with self._database.glance() as connection:
                made = keys.any_exist(connection)
            self._made = made, now
        return made

    def sure(self, *, beyond_loopback: bool) -> bool:
        """Whether `needed` answers without a look at the database."""
        made, looked = self._made
        settled = self.settings.keys != "auto" or beyond_loopback or made
        return settled or (looked > 0 and time.monotonic() - looked <= FRESH)

    def any_valid(self) -> bool:
        """Whether there is a key that somebody can use."""
        with self._database.read() as connection:
            return keys.any_valid(connection, self.clock())

    def remembered(self, text: str) -> Principal | None:
        """Who was found by this key or token a moment ago; costs no look at the database."""
        found = self._valid.get(digest_of(text))
        if found is None or time.monotonic() - found[1] > FRESH:
            return None
        principal = found[0]
        return None if principal.expires_at is not None and principal.expires_at <= self.clock() else principal

    def known(self, text: str) -> bool:
        """Whether this key or token was valid when it was last seen here."""
        return digest_of(text) in self._valid

    def identify(self, text: str) -> Principal:
        """Whose key or token this is.

        Raises:
            UnauthenticatedError: nobody's, or it counts no more.
        """
        found = self.remembered(text)
        if found is None:
            digest, now, epoch = digest_of(text), time.monotonic(), self._epoch
            try:
                found = self._keys.check(text) if text.startswith(PREFIX) else self.tokens.check(text)
            except BaseException:
                with self._noting:
                    self._valid.pop(digest, None)
                raise
            with self._noting:
                if epoch != self._epoch:  # looked up before something changed
                    return found
                self._valid[digest] = found, now
                self._valid.move_to_end(digest)
                while len(self._valid) > _REMEMBERED:
                    self._valid.popitem(last=False)
        if found.key_id is not None:
            self.trail.used(found.key_id)
        return found

    def create(
        self, scopes: Sequence[str], *, label: str = "", seconds: float | None = None, per_second: float | None = None
    ) -> NewKey:
        """Make a key; see `Keys.create`."""
        made = self._keys.create(scopes, label=label, seconds=seconds, per_second=per_second)
        self._made = True, time.monotonic()
        return made

    def rotate(self, public_id: str, *, grace: float = 0) -> NewKey:
        """Give a key another secret; see `Keys.rotate`."""
        rotated = self._keys.rotate(public_id, grace=grace)
        self.forget()
        return rotated

    def revoke(self, public_id: str) -> KeyInfo:
        """End a key and its tokens; see `Keys.revoke`."""
        revoked = self._keys.revoke(public_id)
        self.forget()
        return revoked

    def get(self, public_id: str) -> KeyInfo:
        """What may be shown of a key; see `Keys.get`."""
        return self._keys.get(public_id)

    def page(self, *, after: int = 0, limit: int = 100) -> list[KeyInfo]:
        """Keys in the order they were made."""
        return self._keys.page(after=after, limit=limit)

    def end(self, token: Principal) -> None:
        """A token or browser session counts no more."""
        self.tokens.end(token)
        self.forget()

    def renew_secret(self, *, grace: float) -> None:
        """Sign tokens with another secret; see `Tokens.renew_secret`."""
        self.tokens.renew_secret(grace=grace)
        self.forget()

    def forget(self) -> None:
        """Look up every key and token anew."""
        with self._noting:
            self._valid.clear()
            self._epoch += 1

    def holders(self, collection: str) -> int:
        """Number of keys that have a right to exactly this collection, revoked ones too."""
        with self._database.read() as connection:
            return len(keys.naming_scopes(connection, _exactly(collection)))

    def entries(self, collection: str) -> int:
        """Number of entries of the trail that name this collection."""
        self.trail.flush()
        with self._database.read() as connection:
            return audit.naming(connection, collection)

    def forget_collection(self, collection: str, key: str) -> None:
        """Part of deleting a collection: no key or token keeps a right to its name, which leaves the trail as well.

        The trail shows the collection's random key instead. Who makes a collection of that name later gets it without
        strangers. A key that has no other right is revoked.
        """
        self.trail.flush()
        gone = set(_exactly(collection))
        with self._database.write() as connection:
            for row in keys.naming_scopes(connection, sorted(gone)):
                left = [scope for scope in row.scopes if scope not in gone]
                keys.change(connection, row.public_id, scopes=left)
                if not left:
                    keys.revoke(connection, row.public_id, self.clock())
            keys.close_name(connection, digest_of(collection), now=self.clock(), longest=LONGEST)
            audit.rename(connection, collection, key)
        self.forget()

    def _now(self) -> float:
        return self.clock()


@contextmanager
def open_access(folder: Path, settings: Settings, *, create: bool = False) -> Iterator[Access]:
    """Access to a library by its database alone, also while a service has the library open.

    Raises:
        NotFoundError: there is no library and ``create`` is False.
        ConfigurationError: the database cannot be used.
    """
    folder = folder.expanduser().absolute()
    file = folder / "catalog.sqlite"
    if settings.database is None and not file.exists():
        if not create:
            raise NotFoundError(f"There is no library in {folder}; `categoriser keys create` makes it with a key.")
        folder.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database or sqlite_url(file))
    try:
        access = Access(database, settings.access)
        try:
            yield access
        finally:
            access.close()
    finally:
        database.close()


def _exactly(collection: str) -> list[str]:
    return [str(Scope("read", collection)), str(Scope("write", collection))]
