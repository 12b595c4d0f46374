"""How the command line shows things: results go to stdout, progress and remarks to stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from backend.finite import Finite
from backend.jobs.progress_file import progress_file
from backend.other_work import OtherWork
from backend.progress import Pace, Progress, remaining

if TYPE_CHECKING:
    from backend.influence.answers.explanation import Entry, Explanation

SHOWN_WORDS = 6
SHOWN_LABELS = 6  # of many that each have a probability
SHOWN_CHARACTERS = 2_000
SHOWN_NAME = 80
# Columns whose cells are names, and no texts.
_NAMES = ("id", "row", "label", "new label", "suggestion", "class", "who", "source")
SAID_EVERY = 10.0  # seconds


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Units per second of the current stage."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A listener that draws one bar per stage on a terminal's stderr.

    Elsewhere it prints a line when a stage ends, and every ten seconds while it lasts.

    Where the environment names a progress file (see `backend.jobs.progress_file`), it is written too.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    bars_shown = Bars(*columns, console=console, disable=not console.is_terminal)
    with progress_file() as to_file, bars_shown as bars:
        tasks: dict[str, Any] = {}
        began = time.monotonic()
        said, pace = time.monotonic(), Pace()
        others: OtherWork | None = OtherWork()

        def listen(stage: str, done: int, total: int) -> None:
            nonlocal said, others
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)
            pace(stage, done, total)
            if to_file:
                to_file(stage, done, total)
            if others and time.monotonic() - began >= SAID_EVERY:
                if line := others.line():
                    bars.console.print(line, highlight=False)
                others = None
            if not console.is_terminal and (done == total or time.monotonic() - said >= SAID_EVERY):
                said = time.monotonic()
                print(f"{stage}: {done:,} of {total:,}{_speed(pace)}", file=sys.stderr, flush=True)

        yield listen


def _speed(pace: Pace) -> str:
    """Rate and time left, as far as they are known."""
    if pace.rate is None:
        return ""
    left = f", {remaining(pace.seconds_left)} left" if pace.seconds_left else ""
    return f", {pace.rate:,.1f}/s{left}"


def print_json(content: Any) -> None:
    """One JSON value on stdout."""
    text = json.dumps(Finite()(content), ensure_ascii=False, indent=2, allow_nan=False)
    print(text.encode("utf-8", "backslashreplace").decode())


def note(line: str) -> None:
    """A remark on stderr; what it names may be hostile."""
    print(plain_lines(line), file=sys.stderr)


def plain(text: str) -> str:
    """A data set's text made harmless for a terminal: control characters shown as their escapes."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def plain_lines(text: str) -> str:
    """`plain`, line by line."""
    return "\n".join(plain(each) for each in text.split("\n"))


def shown(text: str) -> str:
    """`plain`, and cut to what a terminal can bear."""
    rest = len(text) - SHOWN_CHARACTERS
    return plain(text) if rest <= 0 else f"{plain(text[:SHOWN_CHARACTERS])} ... {rest:,} more characters"


def brief(name: str) -> str:
    """A label, id or other name, made harmless and cut to `SHOWN_NAME` characters."""
    name = plain(name[: SHOWN_NAME + 1])
    return name if len(name) <= SHOWN_NAME else f"{name[: SHOWN_NAME - 1]}…"


def print_table(headers: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> None:
    """A plain table on stdout."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    cut = [brief if header in _NAMES else shown for header in headers]
    for row in rows:
        table.add_row(*(Text(show(str(cell))) for show, cell in zip(cut, row, strict=True)))
    _stdout().print(table)


def _stdout() -> Console:
    """A console as wide as the terminal; wide enough for whole rows where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


def print_explanation(explanation: Explanation) -> None:
    """Query, then proponents and opponents with their strongest words."""
    query = explanation.query
    classes = query.task == "classification"
    strongest = sorted(query.probabilities.items(), key=lambda item: -item[1])[:SHOWN_LABELS]
    listed = query.probabilities.items() if classes else strongest
    probabilities = "  ".join(f"{brief(name)} {value:.3f}" for name, value in listed)
    print(f"text       {shown(query.text)}")
    if query.text_b is not None:
        print(f"text_b     {shown(query.text_b)}")
    if query.given is not None:
        wrong = query.probabilities and query.given != query.predicted
        verdict = "  (misclassified)" if wrong else ""
        print(f"row        {brief(query.row or '')} of {query.split}, labelled {brief(query.given)}{verdict}")
    print(f"predicted  {brief(query.predicted)}   {probabilities}")
    asked = ("why this?" if query.label == query.predicted else "why not this?") if classes else query.asked
    print(f"explained  {brief(query.label)}   {asked}")
    for line in explanation.notes:
        print(f"note       {line}")
    if explanation.excluded:
        name = "self-influence" if explanation.excluded.self_influence else "own influence on this label"
        print(f"left out   {brief(explanation.excluded.id)}: {name} {explanation.excluded.score:+.3g}")
    _print_entries(f"helpful: training on these {query.helped}", explanation.proponents, query.given)
    _print_entries(f"harmful: training on these {query.harmed}", explanation.opponents, query.given)
    how = (
        "all scanned"
        if explanation.exact
        else f"{explanation.n_scored:,} of {explanation.n_train:,} re-ranked"
    )
    times = ", ".join(f"{name} {value:.0f} ms" for name, value in explanation.elapsed_ms.items())
    note(f"{explanation.method}/{explanation.score}, {how}; {times}")


def _print_entries(title: str, entries: list[Entry], given: str | None) -> None:
    print()
    rows = [
        (
            entry.rank,
            f"{entry.score:+.3g}",
            brief(entry.id),
            brief(entry.label),
            _both_texts(entry, given),
            _strongest_words(entry),
        )
        for entry in entries
    ]
    print_table(("#", "score", "id", "label", "text", "words that carry it"), rows, title)


def _both_texts(entry: Entry, given: str | None) -> str:
    copy = entry.copy_words(given)
    text = shown(entry.text if entry.text_b is None else f"{entry.text} || {entry.text_b}")
    return f"{text} [{copy}]" if copy else text


def _strongest_words(entry: Entry) -> str:
    sums: dict[str, float] = {}
    for word in entry.words:
        sums[word.word] = sums.get(word.word, 0.0) + word.score
    ranked = sorted(sums.items(), key=lambda item: -abs(item[1]))
    parts = [f"{word} {score:+.2g}" for word, score in ranked[:SHOWN_WORDS]]
    other = sum(score for _, score in ranked[SHOWN_WORDS:])
    parts += [f"other {other:+.2g}"] if len(ranked) > SHOWN_WORDS else []
    parts += [f"special {entry.special:+.2g}"] if any(each.special for each in entry.tokens) else []
    return "  ".join(parts)
