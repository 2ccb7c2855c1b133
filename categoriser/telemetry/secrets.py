"""Takes secrets out of what is about to be logged, whoever wrote it."""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "***"
_NAMES: Final = (
    r"(?:proxy-)?authorization|(?:set-)?cookie|x-api-key|[a-z_-]*api[_-]?key|[a-z_-]*token|[a-z_-]*secret|"
    r"[a-z_-]*passw(?:or)?d|[a-z_-]*signature|x-amz-credential"
)
_RULES: Final = (
    # user and password of an address, also without a user or with an @ in the password
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s'\"<>?#]*@"), rf"\1{HIDDEN}@"),
    # query strings hold texts that people search for, and signatures
    (re.compile(r"(?i)(\bhttps?://[^\s'\"<>?]+)\?[^\s'\"<>]*"), rf"\1?{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic|digest)\s+[A-Za-z0-9._~+/=-]{4,}"), rf"\1 {HIDDEN}"),
    # name: value, name=value, "name": "value", (b'name', b'value'); a scheme in front of the value stays
    (
        re.compile(
            rf"(?i)\b({_NAMES})(\\?['\"]?\s*[:=,]\s*b?\\?['\"]?)(?!(?:bearer|basic|digest)\s)[^\s'\",;&}})\]\\]+"
        ),
        rf"\1\2{HIDDEN}",
    ),
)


def without_secrets(text: str) -> str:
    """The text with credentials, keys and query strings replaced by ``***``."""
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text
