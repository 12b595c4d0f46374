"""What of an answer fine-tuning taught: a question about it, put to the base and to the tuned model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from backend.data.dataset import Split
from backend.folder import Folder
from backend.influence.answers.about_answer import AboutAnswer
from backend.influence.answers.question import Question, look_up
from backend.manifest import SplitName

if TYPE_CHECKING:
    from backend.model.base_share import BaseAndTuned, SpanChange


def asked_shares(
    folder: Folder,
    split_named: Callable[[SplitName], Split],
    models: BaseAndTuned,
    row: str | None,
    split: SplitName | None,
    about: AboutAnswer,
) -> list[SpanChange]:
    """What changed of each mark of the answer, or of each answer that is asked about."""
    from backend.model.base_share import encode_for

    question = Question(row=row, split=split, about=about)
    looked = look_up(question, split_named, folder.manifest().data).looked
    encoded = encode_for(folder, models, looked.conversation)
    turns = {each.number: each.text for each in looked.conversation.turns}
    return [
        change
        for number in looked.turns
        if turns[number].strip()  # of a call of a tool no words are told
        for change in models.changes(encoded, number, turns[number], looked.marks)
    ]
