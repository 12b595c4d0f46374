"""What a language model learns to write: texts, completions, the answers of conversations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from backend.data.choices import NotALabel
from backend.data.class_naming import Naming
from backend.data.columns import Columns
from backend.data.conversation import Conversation
from backend.data.conversations import is_left_out
from backend.data.examples import Examples
from backend.data.remark import Place, Remark, count_of, of_rows
from backend.data.targets.kind import TargetKind
from backend.data.targets.text_space import TextSpace
from backend.manifest import TaskInfo

if TYPE_CHECKING:
    from backend.data.validate import Usable


@dataclass(frozen=True)
class TurnsCodec:
    """Targets that stand in no cell of their own: rows are read as a whole (`backend.data.chat_rows`)."""

    kind: str = "turns"

    def decode_all(self, values: Iterable[Any]) -> list[str | NotALabel | None]:
        """Never asked for."""
        raise NotImplementedError("the cells of a row make its target together")


class Texts(TargetKind):
    """A `TaskInfo` has no names, but says which tokens count."""

    task = "causal-lm"
    target = "answer"
    read = "context"

    def codec(self, columns: Columns, schema: pa.Schema, file: str) -> TurnsCodec:
        """One for all."""
        return TurnsCodec()

    def info(self, part: Usable, columns: Columns, naming: Naming) -> TaskInfo:
        """Which tokens are in the loss, and that it is today."""
        return TaskInfo(name=self.task, loss=columns.loss, day=date.today().isoformat())

    def space(self, info: TaskInfo) -> TextSpace:
        """Any text."""
        return TextSpace()

    def sizes(self, rows: Examples) -> dict[str, int]:
        """How many turns there are, and how many of them are learnt."""
        turns = [each for row in conversations(rows) for each in row.turns]
        return {"turns": len(turns), "learnt_turns": sum(each.learnt for each in turns)}

    def summary(self, info: TaskInfo, rows: Examples) -> str:
        """Turns of the training rows, and how many are learnt."""
        sizes = self.sizes(rows)
        every = " (every token of a row is in the loss)" if info.loss == "all" else ""
        return f"turns of the training rows: {sizes['turns']:,}, learnt: {sizes['learnt_turns']:,}{every}"

    def noticed(self, rows: Examples, place: Place) -> list[Remark]:
        """Rows that are well-formed and hardly meant so."""
        found: list[list[int]] = [[] for _ in _NOTICED]
        for at, row in enumerate(conversations(rows)):
            for places, (_, _, is_so) in zip(found, _NOTICED, strict=True):
                if is_so(row):
                    places.append(at)
        return [
            remark
            for places, (kind, said, _) in zip(found, _NOTICED, strict=True)
            for remark in of_rows(kind, f"{count_of(len(places), 'row')} {said}", places, place)
        ]


def _several_systems(row: Conversation) -> bool:
    return sum(each.role == "system" for each in row.turns) > 1


def _open_end(row: Conversation) -> bool:
    return not row.turns[-1].learnt and not is_left_out(row.turns[-1])


def _some_left_out(row: Conversation) -> bool:
    return any(map(is_left_out, row.turns))


def _old_calls(row: Conversation) -> bool:
    return any(each.learnt and each.more.get("function_call") for each in row.turns)


_NOTICED: tuple[tuple[str, str, Callable[[Conversation], bool]], ...] = (
    ("system turns", "with several system turns", _several_systems),
    ("open end", "whose last turn is no answer: it teaches nothing", _open_end),
    (
        "not learnt",
        "with answers that say they are not learnt (weight, loss or train is 0): they are read only; a "
        "trainer that does not know these keys learns them",
        _some_left_out,
    ),
    (
        "function_call",
        "with function_call, which chat templates leave out: the call is not learnt; name it in tool_calls",
        _old_calls,
    ),
)


def conversations(rows: Examples) -> Iterable[Conversation]:
    """Every row as turns."""
    return map(Conversation.of, rows.fields[0], rows.targets)


KIND = Texts()
