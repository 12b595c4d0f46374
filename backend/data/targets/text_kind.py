"""What a language model learns to write: texts, completions, the answers of conversations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from backend.data.choices import NotALabel
from backend.data.class_naming import Naming
from backend.data.columns import Columns
from backend.data.conversation import Conversation
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
        """Which tokens are in the loss."""
        return TaskInfo(name=self.task, loss=columns.loss)

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
        several, open_end, without_effect = [], [], []
        for at, row in enumerate(conversations(rows)):
            if sum(each.role == "system" for each in row.turns) > 1:
                several.append(at)
            if not row.turns[-1].learnt:
                open_end.append(at)
            if rows.reading and rows.reading.loss == "all" and any(each.masked for each in row.turns):
                without_effect.append(at)
        return [
            *of_rows(
                "system turns", f"{count_of(len(several), 'row')} with several system turns", several, place
            ),
            *of_rows(
                "open end",
                f"{count_of(len(open_end), 'row')} whose last turn is no answer: it teaches nothing",
                open_end,
                place,
            ),
            *of_rows(
                "masked",
                f"{count_of(len(without_effect), 'row')} with words that are to be out of the loss: "
                "--loss all learns them all the same",
                without_effect,
                place,
            ),
        ]


def conversations(rows: Examples) -> Iterable[Conversation]:
    """Every row as turns."""
    return map(Conversation.of, rows.fields[0], rows.targets)


KIND = Texts()
