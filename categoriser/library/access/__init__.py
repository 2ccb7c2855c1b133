"""Who may do what: keys, tokens made of them, and a trail of what was done with them."""

from categoriser.library.access.access import Access, open_access
from categoriser.library.access.keys import KeyInfo, NewKey
from categoriser.library.access.principal import LOCAL, Principal
from categoriser.library.access.scopes import Right, Scope, parse_scopes
from categoriser.library.access.tokens import Token
from categoriser.library.access.trail import Deed

__all__ = [
    "LOCAL",
    "Access",
    "Deed",
    "KeyInfo",
    "NewKey",
    "Principal",
    "Right",
    "Scope",
    "Token",
    "open_access",
    "parse_scopes",
]
