"""A service as commands know libraries: the same calls, answered in the same plain values."""

from categoriser.cli.remote.collection import Remote
from categoriser.cli.remote.keys import RemoteKeyring
from categoriser.cli.remote.library import RemoteLibrary
from categoriser.cli.remote.webhooks import RemoteBoard

__all__ = ["Remote", "RemoteBoard", "RemoteKeyring", "RemoteLibrary"]
