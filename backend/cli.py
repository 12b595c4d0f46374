"""The command line: ``python -m backend COMMAND`` (DESIGN section 6).

Exit codes: 0 done, 2 the user's input is wrong (one line on stderr), 1 a fault of ours.
"""

from __future__ import annotations

import sys

import typer
from typer.exceptions import TyperException

from backend.commands import ask, build, review, state
from backend.errors import InputError

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Firstword: which training examples, and which words in them, made the model say this.",
)

for command in (
    *(build.demo, build.init, build.train, build.attach, build.precompute),
    *(ask.explain, ask.evaluate),
    *(review.keep, review.flag, review.remove, review.relabel, review.undo, review.redo),
    *(review.log, review.export),
    *(state.status, state.verify),
):
    app.command()(command)


def main() -> None:
    """Run the command line and exit with its code."""
    command = typer.main.get_command(app)
    try:
        sys.exit(command.main(prog_name="python -m backend", standalone_mode=False) or 0)
    except InputError as error:
        _fail(str(error), 2)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see `{context.command_path} --help`)" if context else ""
        message = error.format_message()
        _fail(f"{message.rstrip('.')}{hint}" if message else "", 2)
    except KeyboardInterrupt:
        _fail("stopped; what was finished is kept", 130)


def _fail(message: str, code: int) -> None:
    if message:
        print("error: " + " ".join(message.split()), file=sys.stderr)
    sys.exit(code)
