"""``categoriser doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from categoriser.cli.options import LIBRARY, EncoderOption, JsonOption, LibraryOption, refuse_service
from categoriser.cli.output import in_options, print_json, print_table, say, tell, waiting
from categoriser.cli.repair import repair_library
from categoriser.errors import CategoriserError, ConfigurationError, NotFoundError
from categoriser.library import Library
from categoriser.library.health import (
    EncoderHealth,
    Environment,
    LibraryHealth,
    check_encoder,
    check_environment,
    check_library,
    encoder_specs,
)
from categoriser.settings import Settings


def doctor(
    library: LibraryOption = LIBRARY,
    encoder: EncoderOption = None,
    encoders: Annotated[bool, typer.Option(help="Open the encoders, which may take seconds.")] = True,
    repair: Annotated[
        bool, typer.Option("--repair", help="Compare every image, vector and file, and show what would be repaired.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --repair: do it.")] = False,
    json: JsonOption = False,
) -> None:
    """Check the installation, the encoders and the counts of the library; without --yes nothing changes."""
    refuse_service()
    if yes and not repair:
        raise ConfigurationError("--yes does what --repair shows: give both.")
    if repair:
        repair_library(library, encoder, really=yes, json=json)
        return
    settings = Settings.load(encoder=encoder)
    environment = check_environment()
    health, specs, problems = _look_into(library)
    checked = []
    if encoders:
        with waiting("Opening encoders"):
            checked = [
                check_encoder(spec, device=settings.device, offline=settings.offline)
                for spec in sorted({settings.encoder, *specs})
            ]
    problems += health.problems
    needed = specs if encoder is None and specs else [settings.encoder, *specs]
    shut = {one.spec: in_options(one.problem) for one in checked if one.problem is not None}
    problems += [f"Encoder {spec}: {why}" for spec, why in shut.items() if spec in needed]
    notes = [
        f"New collections would get the encoder {spec}, which no collection here uses and which does not open: {why}"
        for spec, why in shut.items()
        if spec not in needed
    ]
    if json:
        document = {"environment": environment, "encoders": checked, "library": health, "problems": problems}
        print_json({**document, "notes": notes})
    else:
        _print(library, environment, checked, health)
        for note in notes:
            tell(f"Note: {note}")
        for problem in problems:
            tell(f"Problem: {problem}", style="yellow")
        say("No problems found." if not problems else f"{len(problems)} problem(s) found.")
    if problems:
        raise typer.Exit(1)


def _look_into(folder: Path) -> tuple[LibraryHealth, list[str], list[str]]:
    """The health of a library, the encoders it needs, and why it could not be opened if it could not."""
    try:
        with Library.open(folder, create=False, resume=False) as opened, waiting("Counting"):
            return check_library(opened), encoder_specs(opened), []
    except NotFoundError as error:
        tell(str(error))
        return LibraryHealth(), [], []
    except CategoriserError as error:
        return LibraryHealth(), [], [str(error)]


def _print(folder: Path, environment: Environment, encoders: list[EncoderHealth], health: LibraryHealth) -> None:
    installed = [("python", environment.python), *environment.versions.items()]
    extras = [(f"extra {name}", "yes" if there else "no") for name, there in environment.extras.items()]
    print_table("Installation", ("what", "version"), installed + extras)
    if encoders:
        rows = [(one.spec, one.device or "does not open", one.summary) for one in encoders]
        print_table("Encoders", ("encoder", "device", "what it does"), rows)
    if health.collections:
        columns = ("collection", "encoder", "images#", "vectors#", "counted#", "waiting#", "failed#")
        print_table(
            f"Library {folder}",
            columns,
            [
                (one.name, one.encoder, one.images, one.vectors, one.in_micro_clusters, one.waiting, one.failed)
                for one in health.collections
            ],
        )
