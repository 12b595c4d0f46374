"""The command line: ``firstword COMMAND`` (docs/design.md, section 6).

Exit codes: 0 done, 2 the user's input is wrong (one line on stderr), 130 stopped (Ctrl-C or
TERM), 1 a fault of ours.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from backend import console
from backend.commands import (
    ask,
    audit,
    build,
    copy,
    correct,
    data,
    doctor,
    evaluate,
    everything,
    match,
    patch,
    retrain,
    review,
    run_rows,
    scores,
    small,
    state,
    taught,
    train,
    versions,
)
from backend.commands.app import app as serve
from backend.errors import InputError
from backend.jobs.stopping import terminated_like_interrupted, what_is_kept
from backend.program import COMMAND
from backend.version import VERSION

_STOPPED = 130

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Firstword: which training examples, and which words in them, made the model say this.",
)

for command in (
    *(build.demo, data.peek, data.init, data.append, build.build),
    *(train.train, train.runs, copy.copy, build.dynamics, build.attach, build.precompute),
    *(ask.explain, match.match, taught.taught, ask.methods, ask.prepare, ask.explain_many, ask.influence),
    *(evaluate.evaluate, small.small),
    *(scores.scores, scores.queue, audit.sources, audit.words, run_rows.run_rows),
    *(retrain.forecast, retrain.retrain),
    *(review.keep, review.flag, review.remove, review.relabel, correct.correct),
    *(review.undo, review.redo),
    *(review.log, review.export, patch.import_patch),
    *(versions.freeze, versions.versions, versions.diff, versions.restore),
    *(state.status, state.verify, doctor.doctor, serve),
):
    app.command()(command)
app.command("all")(everything.everything)


def _say_version(asked: bool) -> None:
    if asked:
        print(f"Firstword {VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line and exit with its code."""
    with terminated_like_interrupted():
        _run()


def _run() -> None:
    command = typer.main.get_command(app)
    try:
        arguments = sys.argv[1:] or ["--help"]
        code = command.main(arguments, prog_name=COMMAND, standalone_mode=False) or 0
    except InputError as error:
        _fail(str(error), 2)
    except (KeyboardInterrupt, Abort):
        code = _STOPPED
    except TyperException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see `{context.command_path} --help`)" if context else ""
        _fail(f"{error.format_message().rstrip('.')}{hint}", 2)
    except OSError as error:  # a path that cannot be, no permission, a full disk
        _fail(f"{error.filename or 'files'}: {error.strerror or error}", 2)
    if code == _STOPPED:  # typer makes it of an interrupt
        _fail(f"stopped; {what_is_kept(sys.argv[1:])}", code)
    sys.exit(code)


def _fail(message: str, code: int) -> None:
    print(f"error: {console.shown(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(code)
