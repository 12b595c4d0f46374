"""Options of a question about a language model's answer, and how the reply is shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend import console
from backend.commands.match import parse_mark
from backend.data.messages import first_line
from backend.errors import InputError
from backend.influence.answers.about_answer import AboutAnswer
from backend.influence.answers.explanation import Entry, Explanation, Field, Query
from backend.matches.match import Match
from backend.workspace import Workspace

if TYPE_CHECKING:
    from backend.model.base_share import SpanChange

_WORDS = 6
_BRIEF = 160  # characters of a turn in a list


def about_answer(
    prompt: str | None,
    messages: Path | None,
    answer: str | None,
    turn: int | None,
    marks: Sequence[str],
    instead: str | None,
    side: str,
    template: bool,
) -> AboutAnswer | None:
    """What the options ask; None where none of them is given. `InputError` for what can't be read."""
    chat, tools = (None, None) if messages is None else _messages(messages)
    about = AboutAnswer(
        prompt,
        chat,
        answer,
        turn,
        tuple(map(parse_mark, marks)),
        instead,
        side,  # type: ignore[arg-type]
        template,
        tools=tools,
    )
    return None if about == AboutAnswer() else about


def written(
    workspace: Workspace,
    about: AboutAnswer | None,
    row: str | None,
    split: str | None,
    how: tuple[int, float, int],
    device: str,
) -> AboutAnswer:
    """The question about what the model writes itself; ``how``: most tokens, temperature, seed."""
    from backend.model.generation import Writing

    asked = about or AboutAnswer()
    if asked.answer is not None:
        raise InputError("--generate: the model answers itself; leave out --answer")
    most, temperature, seed = how
    wanted = Writing(most=most, temperature=temperature, seed=seed)
    made = workspace.write_answer(asked, wanted, row=row, split=split, device=device)  # type: ignore[arg-type]
    if not made.text.strip():
        raise InputError("--generate: the model's answer is empty, so there is nothing to explain")
    return replace(asked, answer=made.text, generated=True, cut=made.stopped != "end")


def _messages(path: Path) -> tuple[list[dict[str, Any]], list[Any] | None]:
    """A JSON list of messages, or a row that holds one, perhaps with tools and a system text."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"--messages {path}: cannot be read as JSON ({first_line(error)})") from error
    tools, first = None, []
    if isinstance(found, dict):
        tools, system = found.get("tools"), found.get("system")
        first = [{"role": "system", "content": system}] if system else []
        found = found.get("messages", found.get("conversations"))
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise InputError(f"--messages {path}: must hold a JSON list of messages with role and content")
    return [*first, *found], tools


@dataclass(frozen=True)
class Beside:
    """What is no influence: what of the answer is literally in the training rows, and what the model that was
    tuned knew of it."""

    match: list[Match]
    taught: list[SpanChange]

    def to_json(self) -> dict[str, Any]:
        """As `explain --json` prints it."""
        return {
            "match": [asdict(each) for each in self.match],
            "taught": [asdict(each) for each in self.taught],
        }


def beside_influence(
    workspace: Workspace, query: Query, about: AboutAnswer | None, base: bool, device: str
) -> Beside:
    """Of every mark, or of the answer; nothing where several answers are asked about."""
    if query.answer is None:
        return Beside([], [])
    own = query.row if query.split == "train" else None
    spans = query.marks or [(0, len(query.answer))]
    found = []
    for span in spans:
        with suppress(InputError):  # a mark without a word is nowhere
            found.append(workspace.matches.find(query.answer, span, without=own))
    taught: list[SpanChange] = []
    if base:
        asked = replace(about or AboutAnswer(), instead=None)
        taught, _ = workspace.base_share(row=query.row, split=query.split, about=asked, device=device)  # type: ignore[arg-type]
    return Beside(found, taught)


def print_about(explanation: Explanation, beside: Beside) -> None:
    """The conversation, then proponents and opponents with the words, read and written, that carry them."""
    query = explanation.query
    for field in query.fields:
        print(f"{_role(field):<10} {console.shown(field.text)}")
    if query.answer is not None and query.marks:
        for start, end in query.marks:
            print(f"{'marked':<10} {start}:{end} {console.shown(query.answer[start:end])}")
    tokens = sum(each.marked for each in query.tokens)
    print(f"{'explained':<10} {query.asked}: {query.loss:.3f} nats over {tokens} tokens")
    if query.instead_loss is not None:
        loss = f"{query.instead_loss:.3f} nats over {query.instead_tokens} tokens"
        print(f"{'instead':<10} {console.shown(query.instead or '')}: {loss}")
    for match in beside.match:
        print(f"{'match':<10} {_counted(match)}")
    for change in beside.taught:
        print(f"{'taught':<10} {console.shown(change.text)[:_BRIEF]}: {change.says}")
    for line in explanation.notes:
        print(f"{'note':<10} {line}")
    target = query.answer if query.answer is not None else query.given or ""
    _print(f"helpful: training on these {query.helped}", explanation.proponents, target)
    _print(f"harmful: training on these {query.harmed}", explanation.opponents, target)
    times = ", ".join(f"{name} {value:.0f} ms" for name, value in explanation.elapsed_ms.items())
    console.note(f"{explanation.method}/{explanation.score}; {times}")


def _counted(match: Match) -> str:
    tally, said = match.found, console.shown(match.text)[:_BRIEF]
    if not tally.rows:
        return f"{said}: literally in no training row"
    return (
        f"{said}: literally in {tally.rows:,} training row{'' if tally.rows == 1 else 's'} "
        f"(in answers of {tally.answers.rows:,}, in what is read in {tally.read.rows:,})"
    )


def _role(field: Field) -> str:
    return field.role if field.role != "instead" else "or instead"


def _print(title: str, entries: Sequence[Entry], target: str) -> None:
    print()
    rows = [
        (entry.rank, f"{entry.score:+.3g}", console.brief(entry.id), _said(entry, target), _carried(entry))
        for entry in entries
    ]
    console.print_table(("#", "score", "id", "conversation", "words that carry it"), rows, title)


def _said(entry: Entry, target: str) -> str:
    if not entry.fields:
        return console.shown(entry.label)[:_BRIEF]
    found = " | ".join(f"{field.role}: {console.shown(field.text)[:_BRIEF]}" for field in entry.fields)
    same = "the same answer" if entry.label == target else "another answer"
    return found + (f" [same question, {same}]" if entry.same_text else "")


def _carried(entry: Entry) -> str:
    sums: dict[tuple[str, str], float] = {}
    for word in entry.words:
        key = word.word, word.side
        sums[key] = sums.get(key, 0.0) + word.score
    ranked = sorted(sums.items(), key=lambda item: -abs(item[1]))[:_WORDS]
    return ", ".join(f"{console.shown(word)} ({side}) {score:+.2g}" for (word, side), score in ranked)
