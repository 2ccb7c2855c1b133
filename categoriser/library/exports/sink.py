"""A file that is written at one end and taken away at the other."""

from __future__ import annotations


class Sink:
    """Holds what was written since it was last taken; nothing in it can be sought."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def write(self, data: bytes) -> int:
        """As of a file."""
        self._parts.append(bytes(data))
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        """As of a file."""
        return self._written

    def take(self) -> bytes:
        """What was written since."""
        found = b"".join(self._parts)
        self._parts.clear()
        return found

    def writable(self) -> bool:
        """As of a file."""
        return True

    def readable(self) -> bool:
        """As of a file."""
        return False

    def seekable(self) -> bool:
        """As of a file."""
        return False

    def flush(self) -> None:
        """As of a file."""

    def close(self) -> None:
        """As of a file: whoever writes may, and what it wrote is still to be taken."""
