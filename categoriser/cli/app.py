"""The program: its commands, and how errors leave it.

Exit codes: 0 all went well, 1 some inputs were refused or a check found problems, 2 the command or the configuration
makes no sense, 3 a defect of the program.
"""

from __future__ import annotations

import sys
import traceback
from importlib import metadata
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from categoriser.api.errors import error_body
from categoriser.cli import (
    add,
    backup,
    change,
    curate,
    demo,
    doctor,
    erase,
    evaluate,
    failed,
    keys,
    look,
    migrate,
    moving,
    naming,
    schedule,
    search,
    serve,
    suggest,
    view,
    watch,
    webhooks,
    worker,
)
from categoriser.cli.options import JSON_WANTED
from categoriser.cli.output import in_options, print_json, tell
from categoriser.errors import CategoriserError, RejectedError, code_of

_REFUSED, _MISUSED, _DEFECT, _INTERRUPTED = 1, 2, 3, 130


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"categoriser {metadata.version('categoriser')}")
        raise typer.Exit


class _Commands(TyperGroup):
    """Turns errors into one sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CategoriserError as error:
            message = in_options(str(error))
            if ctx.meta.get(JSON_WANTED):
                print_json(error_body(code_of(error), message))
            tell(message, style="red")
            raise typer.Exit(_REFUSED if isinstance(error, RejectedError) else _MISUSED) from None
        except KeyboardInterrupt:
            tell("Interrupted. What was accepted is filed at the next start.")
            raise typer.Exit(_INTERRUPTED) from None
        except Exception as error:
            if (
                getattr(error, "option_name", None) != "--url"
            ):  # an option that the command has not; typer hides its class
                raise
            tell("This command works on a library of this machine only; run it where the library is.", style="red")
            raise typer.Exit(_MISUSED) from None


app = typer.Typer(
    name="categoriser",
    cls=_Commands,
    help="File pictures into categories that appear, keep their identity and can be searched.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


for command in (
    add.add,
    look.categories,
    look.groups,
    look.images,
    search.search,
    search.facets,
    search.duplicates,
    search.similar,
    look.show,
    change.run,
    curate.plan,
    curate.undo,
    curate.versions,
    moving.migrate_store,
    moving.snapshot_store,
    suggest.suggestions,
    suggest.accept,
    suggest.dismiss,
    curate.move,
    curate.reject,
    curate.merge,
    curate.split,
    curate.rename,
    naming.name,
    naming.vocabulary,
    curate.lock,
    curate.hide,
    curate.apart,
    curate.granularity,
    curate.why,
    change.export,
    change.delete,
    look.collections,
    look.events,
    view.views,
    schedule.schedule,
    doctor.doctor,
    backup.backup,
    backup.restore,
    migrate.migrate,
    evaluate.evaluate,
    serve.serve,
    watch.watch,
    worker.worker,
    demo.demo,
):
    app.command()(command)
app.command(name="erase")(erase.erase_command)
app.add_typer(view.commands, name="view")
app.add_typer(webhooks.commands, name="webhooks")
app.add_typer(keys.commands, name="keys")
app.add_typer(failed.commands, name="failed")


def main() -> None:
    """Entry point of ``categoriser``."""
    try:
        app()
    except Exception:
        traceback.print_exc()
        tell("This is a defect of categoriser: please report it with the lines above.", style="red")
        sys.exit(_DEFECT)
