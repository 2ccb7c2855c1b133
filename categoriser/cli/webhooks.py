"""``categoriser webhooks``: who is told of the events of one collection, or of many, while a service runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from categoriser.cli.options import COLLECTION, LIBRARY, CollectionOption, JsonOption, LibraryOption
from categoriser.cli.output import print_json, print_table, say, tell
from categoriser.cli.reach import UrlOption, board
from categoriser.domain import LARGEST_NUMBER
from categoriser.library.webhooks import NewWebhook, Webhook

commands = typer.Typer(help="Have addresses told of events, signed, in order and at least once.", no_args_is_help=True)

WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Id as `webhooks list` shows it.")]
Prefixes = Annotated[bool, typer.Option("--prefixes", help="Those of many collections (`webhooks add --prefix`).")]
Page = Annotated[int, typer.Option(min=1, max=1000, help="Length of the page.")]


@commands.command(name="list")
def list_webhooks(
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    prefixes: Prefixes = False,
    after: Annotated[str, typer.Option(help="Id of the webhook before the page.")] = "",
    limit: Page = 100,
    json: JsonOption = False,
) -> None:
    """List webhooks by id."""
    with board(url, library, None if prefixes else collection) as found:
        page = found.list(after=after, limit=limit)
    if json:
        print_json({"webhooks": page, "next": page[-1].id if len(page) == limit else None})
        return
    rows = [
        (one.id, one.url, one.prefix, _state(one), f"{one.waiting:,}", ", ".join(one.types) or "all") for one in page
    ]
    of = "many collections" if prefixes else collection
    print_table(f"Webhooks of {of}", ("id", "address", "prefix", "state", "waiting#", "events"), rows)


@commands.command()
def add(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="An https address.")],
    kinds: Annotated[
        list[str] | None, typer.Option("--type", help="Only events of this kind; may be repeated.")
    ] = None,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    prefix: Annotated[str | None, typer.Option(help="Of all collections whose names begin so, instead of one.")] = None,
    json: JsonOption = False,
) -> None:
    """Have an address told of what happens from now on. Its secret is shown this once."""
    with board(url, library, collection if prefix is None else None) as found:
        made = found.add(address, types=kinds or (), prefix=prefix)
    _tell_secret(made, json)


@commands.command()
def rotate(
    webhook: WebhookId,
    overlap_hours: Annotated[
        float, typer.Option(min=0, max=720, help="Hours for which the old secret signs as well.")
    ] = 24.0,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    prefixes: Prefixes = False,
    json: JsonOption = False,
) -> None:
    """Replace the secret; the new one is shown this once."""
    with board(url, library, None if prefixes else collection) as found:
        made = found.rotate(webhook, overlap_hours=overlap_hours)
    _tell_secret(made, json)


@commands.command()
def enable(
    webhook: WebhookId,
    off: Annotated[bool, typer.Option("--off", help="Disable it instead.")] = False,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    prefixes: Prefixes = False,
    json: JsonOption = False,
) -> None:
    """Tell a webhook again, and everything since it was told last."""
    with board(url, library, None if prefixes else collection) as found:
        _tell(found.change(webhook, enabled=not off), json)


@commands.command()
def replay(
    webhook: WebhookId,
    after: Annotated[int, typer.Option(min=0, max=LARGEST_NUMBER, help="Cursor of the event before the first.")],
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    prefixes: Prefixes = False,
    json: JsonOption = False,
) -> None:
    """Deliver everything behind a cursor again."""
    with board(url, library, None if prefixes else collection) as found:
        _tell(found.replay(webhook, after), json)


@commands.command()
def ping(
    webhook: WebhookId,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    prefixes: Prefixes = False,
    json: JsonOption = False,
) -> None:
    """Send something now and say what came of it."""
    with board(url, library, None if prefixes else collection) as found:
        done = found.ping(webhook)
    if json:
        print_json(done)
    elif done.problem is None:
        say(f"It was received ({done.status}) in {done.seconds:.2f} s.")
    else:
        say(f"It was not received: {done.problem}.")
    if done.problem is not None:
        raise typer.Exit(1)


@commands.command()
def log(
    webhook: WebhookId,
    before: Annotated[int | None, typer.Option(min=0, max=LARGEST_NUMBER, help="Number of the attempt before.")] = None,
    limit: Page = 100,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    prefixes: Prefixes = False,
    json: JsonOption = False,
) -> None:
    """List the last attempts to deliver, the newest first."""
    with board(url, library, None if prefixes else collection) as found:
        page = found.deliveries(webhook, before=before, limit=limit)
    if json:
        print_json({"deliveries": page, "next": page[-1].id if len(page) == limit else None})
        return
    rows = [(one.id, _when(one.at), one.kind, one.cursor, one.attempt, one.status, one.problem) for one in page]
    print_table(
        f"Deliveries to {webhook}", ("number#", "at", "event", "cursor#", "attempt#", "status", "problem"), rows
    )


@commands.command()
def remove(
    webhook: WebhookId,
    url: UrlOption = None,
    library: LibraryOption = LIBRARY,
    collection: CollectionOption = COLLECTION,
    prefixes: Prefixes = False,
    json: JsonOption = False,
) -> None:
    """Tell it nothing any more."""
    with board(url, library, None if prefixes else collection) as found:
        found.remove(webhook)
    if json:
        print_json({"removed": webhook})
    else:
        say(f"{webhook} is told nothing any more.")


def _tell_secret(made: NewWebhook, json: bool) -> None:
    if json:
        print_json({**vars_of(made.webhook), "secret": made.secret})
        return
    say(f"{made.webhook.id} tells {made.webhook.url}. Its secret, which is not shown again:")
    say(made.secret)
    tell("Events are sent while a service runs: categoriser serve.")


def _tell(webhook: Webhook, json: bool) -> None:
    if json:
        print_json(webhook)
    else:
        say(f"{webhook.id} is {_state(webhook)}; {webhook.waiting:,} events wait for it.")


def vars_of(webhook: Webhook) -> dict[str, object]:
    """Its fields."""
    return {name: getattr(webhook, name) for name in Webhook.__dataclass_fields__}


def _state(webhook: Webhook) -> str:
    if webhook.problem is None:
        return "enabled" if webhook.enabled else "disabled"
    return f"{'failing' if webhook.enabled else 'disabled'}: {webhook.problem}"


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
