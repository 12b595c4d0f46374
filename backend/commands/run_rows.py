"""What a run made of its training rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from backend import console
from backend.commands.options import Json, idle
from backend.errors import InputError

_SHOWN = 10
_FORMATS = (".csv", ".jsonl", ".parquet")


def run_rows(
    ws: Annotated[
        Path | None, typer.Argument(metavar="[WS]", help="A workspace with an attached run.")
    ] = None,
    run: Annotated[Path | None, typer.Option(help="Instead: output folder of a TRL SFT run.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Of --run: its training data (JSONL, JSON or Parquet).")
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(help="Of --run, where it does not say: its max_length; 0: none.")
    ] = None,
    packing: Annotated[
        str | None, typer.Option(help="Of --run, where it does not say: none, bfd, bfd_split, wrapped.")
    ] = None,
    completion_only: Annotated[
        bool | None,
        typer.Option("--completion-only/--no-completion-only", help="Only completions were in the loss."),
    ] = None,
    assistant_only: Annotated[
        bool | None,
        typer.Option("--assistant-only/--no-assistant-only", help="Only assistants' turns were in the loss."),
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="Of --run: folder or hub id, if the run has none.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write all rows to a .csv, .jsonl or .parquet file.")
    ] = None,
    json: Json = False,
) -> None:
    """What the trainer made of every row: kept, cut, not learnt, packed with which others, seen how often."""
    if (ws is None) == (run is None):
        raise InputError("name a workspace, or --run DIR and --data FILE")
    given = {
        "max_length": max_length,
        "packing": packing,
        "completion_only": completion_only,
        "assistant_only": assistant_only,
    }
    if out is not None and out.suffix.lower() not in _FORMATS:
        raise InputError(f"--out {out}: the file's name must end in {', '.join(_FORMATS)}")
    if ws is not None:
        if data is not None or tokenizer is not None or any(each is not None for each in given.values()):
            raise InputError("a workspace has data and tokenizer already; options of --run do not go with it")
        idle(ws)
        found = _of_workspace(ws)
    else:
        if run is None or data is None:
            raise InputError("--run needs --data FILE, the rows that it was trained on")
        from backend.run_rows.data_file import rows_of_file
        from backend.run_rows.settings import Given
        from backend.run_rows.sft import sft_rows

        found = sft_rows(run, rows_of_file(data), Given(**given), tokenizer)  # type: ignore[arg-type]
    _show(found, out, json)


def _of_workspace(path: Path) -> Any:
    from backend.workspace import Workspace

    with console.progress_bar() as progress:
        return Workspace.open(path).audit.compute_run_rows(progress)


def _show(found: Any, out: Path | None, json: bool) -> None:
    """``found``: `backend.run_rows.fates.RunRows`, which this file does not import at its start."""
    summary = found.summary()
    if out is not None:
        from backend.run_rows.export import write_rows

        write_rows(found.table(), out)
    for line in summary["notes"]:
        console.note(f"note: {line}")
    if json:
        console.print_json({**summary, "out": None if out is None else str(out)})
        return
    print(f"{summary['rows']:,} rows: {_counted(summary['fates'])}")
    print(
        ", ".join(
            f"{title} {'not known' if summary[name] is None else format(summary[name], ',')}"
            for name, title in (
                ("tokens", "tokens"),
                ("kept_tokens", "kept"),
                ("loss_tokens", "in the loss"),
            )
        )
    )
    print(f"seen: {_seen(summary['seen'])}")
    if summary["recorded"] is not None:
        print(
            f"the run wrote {summary['recorded']:,} rows down; {summary['matched']:,} of them are found here"
        )
    settings = [
        (name, "" if each["value"] is None else each["value"], each["from"])
        for name, each in summary["settings"].items()
        if each["from"] != "TRL's default"
    ]
    console.print_table(("setting", "value", "from"), settings)
    worst = [each for each in found.rows if each.fate not in ("kept", "not known")][:_SHOWN]
    if worst:
        cells = [
            (
                each.row if each.id is None else each.id,
                each.fate,
                *(_number(value) for value in (each.kept_tokens, each.tokens, each.loss_tokens, each.seen)),
            )
            for each in worst
        ]
        headers = ("row", "fate", "kept", "of tokens", "in the loss", "seen")
        console.print_table(headers, cells, title=f"first rows that are not whole ({len(worst)})")
    if out is not None:
        console.note(f"{summary['rows']:,} rows written to {out}")


def _counted(fates: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in fates.items())


def _seen(counts: dict[str, int]) -> str:
    return ", ".join(
        f"{count:,} rows {times if times == 'not known' else times + ' times'}"
        for times, count in counts.items()
    )


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
