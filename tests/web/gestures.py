"""What people do with a page that Playwright has no word for."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

_TRANSFER = """(files) => {
  const transfer = new DataTransfer();
  for (const { name, data } of files) {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type: 'image/jpeg' }));
  }
  return transfer;
}"""
_COPY = 1  # of the bits that say what may be done with what is dragged


def drop(page: Any, pictures: list[Path]) -> None:
    """Drop files on the page."""
    files = [{"name": one.name, "data": base64.b64encode(one.read_bytes()).decode()} for one in pictures]
    transfer = page.evaluate_handle(_TRANSFER, files)
    for kind in ("dragenter", "dragover", "drop"):
        page.dispatch_event("main", kind, {"dataTransfer": transfer})


class NativeDrag:
    """A drag of files and folders from outside the browser, as the system would report it."""

    def __init__(self, page: Any, paths: list[Path]) -> None:
        self._devtools = page.context.new_cdp_session(page)
        self._data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": _COPY}

    def over(self, x: float, y: float) -> None:
        """Come in, and go to a place."""
        for kind in ("dragEnter", "dragOver"):
            self._send(kind, x, y)

    def leave(self) -> None:
        """Go away again."""
        self._send("dragCancel", 0, 0)

    def drop(self, x: float, y: float) -> None:
        """Let go."""
        self._send("drop", x, y)

    def _send(self, kind: str, x: float, y: float) -> None:
        self._devtools.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": self._data})


def copy(page: Any, *, picture: bytes | None = None, text: str | None = None) -> None:
    """Put a PNG or a text into the clipboard."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    if text is not None:
        page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
    if picture is not None:
        page.evaluate(
            """async (data) => {
              const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
              const picture = new Blob([bytes], { type: 'image/png' });
              await navigator.clipboard.write([new ClipboardItem({ 'image/png': picture })]);
            }""",
            base64.b64encode(picture).decode(),
        )


def choose(page: Any, label: str) -> None:
    """Choose a category, or name a new one, in the dialog."""
    page.get_by_role("combobox", name="Find a category").fill(label)
    page.keyboard.press("Enter")
