"""Keys, tokens and the trail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from categoriser.api.models.access import (
    AuditEntry,
    AuditPage,
    KeyPage,
    KeyView,
    NewKeyView,
    SessionView,
    TokenView,
)
from categoriser.client.description import PAGE, Call, Pages, given, pages
from categoriser.client.place import Place, ask, each


class Access(Place):
    """Who may do what. All but ``session`` and ``create_token`` is for admins."""

    @ask
    def session(self) -> Call[SessionView]:
        """Who one is, and what one may do."""
        return self._get(SessionView, "session")

    @ask
    def create_token(
        self, collection: str, scope: Literal["read", "write"] = "read", *, seconds: float = 3600
    ) -> Call[TokenView]:
        """A token for one collection, to hand to a user of yours; it ends with its key."""
        body = {"collection": collection, "scope": scope, "seconds": seconds}
        return self._send("POST", TokenView, "tokens", json=body)

    @ask
    def rotate_tokens(self, *, grace_seconds: float = 86400) -> Call[None]:
        """Sign tokens with another secret; those made before count for some seconds more."""
        body = {"grace_seconds": grace_seconds}
        return Call("POST", self._path("tokens", "rotation"), lambda _: None, json=body)

    @each
    def keys(self) -> Pages[KeyView]:
        """All keys, revoked ones too, without their secrets."""
        return pages(
            lambda after: self._get(KeyPage, "keys", after=after, limit=PAGE),
            lambda page: page.keys,
            lambda page: page.next,
        )

    @ask
    def key(self, key_id: str) -> Call[KeyView]:
        """One key by its public part."""
        return self._get(KeyView, "keys", key_id)

    @ask
    def create_key(
        self,
        scopes: Sequence[str],
        *,
        label: str = "",
        seconds: float | None = None,
        per_second: float | None = None,
    ) -> Call[NewKeyView]:
        """Make a key; the answer shows it this one time.

        Args:
            scopes: admin, read:NAME or write:NAME; a star at the end of a name: all that begin so.
            label: for people.
            seconds: until it expires; None: never.
            per_second: requests; None: as the settings say, 0: no limit.
        """
        body = given(scopes=list(scopes), label=label, seconds=seconds, per_second=per_second)
        return self._send("POST", NewKeyView, "keys", json=body)

    @ask
    def rotate_key(self, key_id: str, *, grace_seconds: float = 0) -> Call[NewKeyView]:
        """Give a key another secret; the old one counts for some seconds more."""
        return self._send("POST", NewKeyView, "keys", key_id, "rotation", json={"grace_seconds": grace_seconds})

    @ask
    def revoke_key(self, key_id: str) -> Call[KeyView]:
        """End a key with all its tokens."""
        return self._send("DELETE", KeyView, "keys", key_id)

    @each
    def audit(
        self,
        *,
        who: str | None = None,
        collection: str | None = None,
        denied: bool | None = None,
        before: int | None = None,
    ) -> Pages[AuditEntry]:
        """What was changed and refused, the newest first; ``before``: the cursor of an entry that came later."""
        return pages(
            lambda cursor: self._get(
                AuditPage, "audit", before=cursor or before, who=who, collection=collection, denied=denied, limit=PAGE
            ),
            lambda page: page.entries,
            lambda page: page.next,
        )
