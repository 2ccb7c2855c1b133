"""``categoriser keys …``: of a library of this machine, also while a service runs on it, or of a service."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from categoriser.cli.options import LIBRARY, JsonOption, LibraryOption
from categoriser.cli.output import counted, print_json, print_table, say, tell
from categoriser.cli.reach import UrlOption, keyring
from categoriser.errors import ConfigurationError
from categoriser.library.access import KeyInfo, NewKey

commands = typer.Typer(name="keys", help="Make, list and end keys for the service.", no_args_is_help=True)

_DAY: Final = 86400.0
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": _DAY}

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="Its id, as `keys list` shows.")]


@commands.command()
def create(
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope", help="admin, read:COLLECTION or write:COLLECTION; user-* for all that begin so; again."
        ),
    ],
    label: Annotated[str, typer.Option(help="For people.")] = "",
    expires: Annotated[str | None, typer.Option(help="After 12h, 30d or 90d; without it never.")] = None,
    per_second: Annotated[
        float | None, typer.Option(min=0, help="Requests; 0: no limit. Without it as the settings say.")
    ] = None,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    json: JsonOption = False,
) -> None:
    """Make a key and show it, this one time."""
    with keyring(url, library, create=True) as keys:
        seconds = None if expires is None else _seconds(expires, "--expires")
        made = keys.create(scope, label=label, seconds=seconds, per_second=per_second)
    _show(made, json=json)


@commands.command(name="list")
def list_keys(url: UrlOption = None, library: LibraryOption = LIBRARY, json: JsonOption = False) -> None:
    """List keys, revoked ones too; without their secrets, which nobody can read."""
    with keyring(url, library) as keys:
        found = list(keys.all())
    if json:
        print_json({"keys": [_facts(one) for one in found]})
        return
    now = time.time()
    print_table(
        counted(len(found), "key"),
        ("id", "label", "scopes", "state", "expires", "last used"),
        [
            (one.id, one.label, " ".join(one.scopes), _state(one, now), _when(one.expires_at), _when(one.last_used_at))
            for one in found
        ],
    )


@commands.command()
def rotate(
    key: KeyArgument,
    grace: Annotated[str, typer.Option(help="How long the old one counts too: 0s, 10m, 24h, 7d.")] = "0s",
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    json: JsonOption = False,
) -> None:
    """Give a key another secret and show it, this one time."""
    with keyring(url, library) as keys:
        made = keys.rotate(key, grace=_seconds(grace, "--grace"))
    _show(made, json=json)


@commands.command()
def revoke(key: KeyArgument, url: UrlOption = None, library: LibraryOption = LIBRARY, json: JsonOption = False) -> None:
    """End a key and all its tokens for good."""
    with keyring(url, library) as keys:
        ended = keys.revoke(key)
    if json:
        print_json(_facts(ended))
    else:
        say(f"The key {ended.id} counts no more, and neither do its tokens.")


@commands.command(name="rotate-tokens")
def rotate_tokens(
    grace: Annotated[str, typer.Option(help="How long tokens made before count: 0s ends all at once.")] = "24h",
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    json: JsonOption = False,
) -> None:
    """Sign tokens and browser sessions with another secret."""
    seconds = _seconds(grace, "--grace")
    with keyring(url, library) as keys:
        keys.renew_secret(grace=seconds)
    if json:
        print_json({"grace_seconds": seconds})
    else:
        say("Tokens are signed with another secret now.")


@commands.command(name="audit")
def show_audit(
    who: Annotated[str | None, typer.Option("--key", help="Only of this key.")] = None,
    collection: Annotated[str | None, typer.Option("--collection", help="Only about this collection.")] = None,
    denied: Annotated[bool, typer.Option("--denied", help="Only what was refused.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50,
    before: Annotated[int | None, typer.Option(min=1, help="Cursor before which to begin.")] = None,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    json: JsonOption = False,
) -> None:
    """Show who changed what over HTTP and who was refused, the newest first."""
    with keyring(url, library) as keys:
        page = keys.trail(before=before, who=who, collection=collection, denied=denied or None, limit=limit)
    if json:
        print_json({"entries": page, "next": page[-1].cursor if len(page) == limit else None})
        return
    rows = [(_when(one.at), one.who or one.kind, one.route, one.collection, one.status, one.code) for one in page]
    print_table("Who did what", ("when", "who", "route", "collection", "status#", "refused"), rows)
    if len(page) == limit:
        say(f"Earlier ones: --before {page[-1].cursor}")


def _show(made: NewKey, *, json: bool) -> None:
    if json:
        print_json({**_facts(made.info), "key": made.key})
        return
    say(made.key)
    tell(f"This is shown once; keep it now. It may: {', '.join(made.info.scopes)}.")


def _facts(info: KeyInfo) -> dict[str, Any]:
    return {name: getattr(info, name) for name in info.__dataclass_fields__ if name != "cursor"}


def _state(info: KeyInfo, now: float) -> str:
    if info.revoked_at is not None:
        return "revoked"
    if info.expires_at is not None and info.expires_at <= now:
        return "expired"
    if info.previous_until is not None and info.previous_until > now:
        return "valid, and the one before"
    return "valid"


def _when(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def _seconds(text: str, option: str) -> float:
    number, unit = text[:-1], text[-1:]
    try:
        found = float(number) * _UNITS[unit]
    except (KeyError, ValueError):
        raise ConfigurationError(f"{option} {text!r} is no time: use 30s, 10m, 12h or 90d.") from None
    if not 0 <= found < 1e10:
        raise ConfigurationError(f"{option} {text!r} is no time that can be kept: use 30s, 10m, 12h or 90d.")
    return found
