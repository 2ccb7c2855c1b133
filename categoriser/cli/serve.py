"""``categoriser serve``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from categoriser.cli.options import LIBRARY, EncoderOption, JsonOption, LibraryOption, library_to_fill
from categoriser.cli.output import print_json, say, tell, waiting
from categoriser.cli.process import keep_few_arenas
from categoriser.encoders import Encoder
from categoriser.settings import Settings
from categoriser.telemetry.logs import configure_logging
from categoriser.telemetry.tracing import exporting


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; other machines need a key.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8642,
    library: LibraryOption = LIBRARY,
    encoder: EncoderOption = None,
    json: JsonOption = False,
) -> None:
    """Run the HTTP service until Ctrl-C or SIGTERM; what is under way is finished first."""
    from categoriser.api import serving  # noqa: PLC0415 - other commands need not wait for it

    keep_few_arenas()
    serving.check_reach(host, library, Settings.load(encoder=encoder))
    listener = serving.listen(host, port)
    with listener, library_to_fill(library, encoder, resume=False) as opened, ExitStack() as stack:
        operations = opened.settings.operations
        configure_logging(operations)
        traces = stack.enter_context(exporting()) if operations.traces else None
        with waiting("Opening the encoder"):
            chosen = opened.encoder
        resumed = opened.resume()

        def ready() -> None:
            _introduce(serving.address(listener), library, chosen, resumed, json=json)

        serving.serve(opened, listener, ready, traces=traces)
        tell("Stopping; finishing what is under way.")


def _introduce(where: str, library: Path, encoder: Encoder, resumed: int, *, json: bool) -> None:
    if json:
        facts = {"encoder": encoder.id, "device": encoder.device, "summary": encoder.summary}
        print_json({"listening": where, **facts, "reads_text": encoder.reads_text, "resumed": resumed})
        return
    say(f"Listening on {where} with the library {library}.")
    say(f"Encoder {encoder.id} on {encoder.device}: {encoder.summary}.")
    if resumed:
        say(f"{resumed} pictures that were accepted earlier are being filed.")
    say(f"Open {where} in a browser; its interface for programs is described at {where}/docs. Stop it with Ctrl-C.")
