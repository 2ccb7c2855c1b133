"""Captions by a vision-language model behind an endpoint."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from categoriser.naming.endpoint import ChatEndpoint
from categoriser.naming.prompts import Prompt


class EndpointCaptioner:
    """One request per picture."""

    def __init__(self, endpoint: ChatEndpoint, prompt: Prompt) -> None:
        self.id = f"{endpoint.model}@{endpoint.place}/{prompt.version}"
        self._endpoint = endpoint
        self._text = prompt.filled()

    def describe(self, pictures: Sequence[bytes]) -> Sequence[str]:
        """One sentence each."""
        return [self._endpoint.ask(self._content(one), tokens=80) for one in pictures]

    def _content(self, picture: bytes) -> list[dict[str, object]]:
        kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
        url = f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
        return [{"type": "text", "text": self._text}, {"type": "image_url", "image_url": {"url": url}}]
