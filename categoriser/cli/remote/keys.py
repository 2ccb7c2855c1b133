"""Keys of a service, for its admins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from categoriser.api.models.access import NewKeyView
from categoriser.cli.remote.values import as_plain, some
from categoriser.client import Client
from categoriser.library.access import Deed, KeyInfo, NewKey


class RemoteKeyring:
    """See ``categoriser.cli.reachable.Keyring``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(
        self, scopes: Sequence[str], *, label: str = "", seconds: float | None = None, per_second: float | None = None
    ) -> NewKey:
        return _new(self._client.create_key(scopes, label=label, seconds=seconds, per_second=per_second))

    def all(self) -> Iterator[KeyInfo]:
        return (as_plain(KeyInfo, one) for one in self._client.keys())  # noqa: SIM118 - no mapping

    def rotate(self, key: str, *, grace: float = 0) -> NewKey:
        return _new(self._client.rotate_key(key, grace_seconds=grace))

    def revoke(self, key: str) -> KeyInfo:
        return as_plain(KeyInfo, self._client.revoke_key(key))

    def renew_secret(self, *, grace: float) -> None:
        self._client.rotate_tokens(grace_seconds=grace)

    def trail(
        self, *, before: int | None, who: str | None, collection: str | None, denied: bool | None, limit: int
    ) -> Sequence[Deed]:
        found = self._client.audit(who=who, collection=collection, denied=denied, before=before)
        return some((as_plain(Deed, one) for one in found), limit)


def _new(info: NewKeyView) -> NewKey:
    return NewKey(as_plain(KeyInfo, info), info.key)
