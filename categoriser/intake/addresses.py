"""Which network addresses a URL from a stranger may lead to: the public internet and nothing of ours."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final, TypeAlias

from categoriser.errors import FetchError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")  # an IPv4 address behind a NAT64 gateway, RFC 6052
_TUNNELS: Final = (ipaddress.IPv6Network("2002::/16"), ipaddress.IPv6Network("2001::/32"))  # 6to4 and Teredo


def resolve(host: str, port: int, *, allow_private: bool) -> list[str]:
    """All addresses of a host, every one of them allowed; decimal and octal forms of an address are names like others.

    One forbidden address among several refuses the host: which one is connected to must not be left to chance.

    Raises:
        FetchError: the host leads into a private network.
        OSError: the name cannot be resolved; ``socket.EAI_AGAIN`` when trying again may help.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (UnicodeError, OverflowError) as error:  # a label of more than 63 characters, a port above 65535
        raise FetchError(f"{host}:{port} is not a valid host and port; correct the URL.") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allow_private:
        for address in addresses:
            if not is_public(address):
                raise FetchError(
                    f"{host} leads to the private or reserved address {address}, which is refused; "
                    "set allow_private_addresses to fetch inside your own network."
                )
    return addresses


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet; one inside another (mapped, translated) is judged itself."""
    parsed: Address = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        if any(parsed in tunnel for tunnel in _TUNNELS):
            return False
        inner = parsed.ipv4_mapped or (
            ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF) if parsed in _TRANSLATED else None
        )
        parsed = parsed if inner is None else inner
    refused = (
        parsed.is_private
        or parsed.is_loopback
        or parsed.is_link_local
        or parsed.is_multicast
        or parsed.is_reserved
        or parsed.is_unspecified
        or (isinstance(parsed, ipaddress.IPv6Address) and parsed.is_site_local)
    )
    return parsed.is_global and not refused
