"""What is asked of every retrained language model: how likely certain words of an answer are to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from transformers import PreTrainedTokenizerBase

from backend.data.conversation import Conversation, Loss, Reading
from backend.data.dataset import Split
from backend.data.messages import shown_value
from backend.errors import InputError
from backend.influence.answers.about_answer import AboutAnswer, Looked, Span
from backend.influence.answers.asked_tokens import asked_tokens
from backend.influence.answers.question import Question, check_question, look_up
from backend.model.conversation_tokens import encode_conversation
from backend.model.encoded import Encoded
from backend.model.token_labels import learnt_tokens
from backend.trials.question import Asked

_BETWEEN = " … "
_ANY = "?"  # in the place of an answer that models are to give


@dataclass(frozen=True)
class AskedWords:
    """Words of a conversation: the ``marks`` (characters) of its one turn, or all of the ``turns``; ``cut``:
    that one was cut off."""

    conversation: Conversation
    turns: tuple[int, ...]
    marks: tuple[Span, ...]
    cut: bool = False

    def encoded(self, tokenizer: PreTrainedTokenizerBase, reading: Reading, length: int) -> Encoded:
        """Tokens, of which those that are asked about are in the loss."""

        def encode(row: Conversation, loss: Loss | None) -> Encoded:
            as_asked = reading if loss is None else replace(reading, loss=loss)
            return encode_conversation(tokenizer, row, as_asked, length)

        return asked_tokens(encode, Looked(self.conversation, self.turns, self.marks, cut=self.cut))[1]

    def words(self) -> str:
        """What is asked about."""
        texts = [self.conversation.turns[number].text for number in self.turns]
        return _BETWEEN.join([texts[0][a:b] for a, b in self.marks] if self.marks else texts)

    def prompt(self) -> Conversation:
        """What the model would be given to answer: all before the last turn that is asked about."""
        turns = tuple(each for each in self.conversation.turns if each.number <= max(self.turns))
        return replace(self.conversation, turns=turns)

    def content(self) -> list[Any]:
        """Identifies it."""
        target = self.conversation.target().text()
        whole = [self.conversation.context(), target, list(self.turns), list(self.marks)]
        return [*whole, *(["cut"] if self.cut else [])]


def words_asked(
    asked: Sequence[Asked], evaluation: Split
) -> tuple[list[dict[str, Any]], tuple[AskedWords, ...]]:
    """Records for the report (see `backend.trials.report`) and what each is about, in the same order.

    A question with something else in the place of the words is two: how likely are these, and how likely the
    others. Raises `InputError`.
    """
    records: list[dict[str, Any]] = []
    words: list[AskedWords] = []
    for each in asked:
        looked = _looked(each, evaluation)
        for of_answer in _both(looked):
            before = [turn.text for turn in looked.conversation.shown if turn.number < max(looked.turns)]
            records.append(
                {
                    "row": None,  # its words are asked about beside the eval rows, also where it is one
                    "typed": len(words),
                    "id": each.row,
                    "label": of_answer.words(),
                    "text": before[-1] if before else "",
                    "marks": [list(span) for span in of_answer.marks],
                }
            )
            words.append(of_answer)
    return records, tuple(words)


def prompt_asked(asked: Asked, evaluation: Split) -> Conversation:
    """What every model is to answer, where ``asked`` names no answer. Raises `InputError`."""
    about = replace(asked.about or AboutAnswer(), answer=_ANY)
    return _looked(replace(asked, about=about), evaluation).conversation


def check_words(
    words: Sequence[AskedWords], tokenizer: PreTrainedTokenizerBase, reading: Reading, length: int
) -> None:
    """`InputError` for words of which the model reads no token."""
    for each in words:
        if not learnt_tokens(each.encoded(tokenizer, reading, length)):
            raise InputError(
                f"--mark: the model reads no token of {shown_value(each.words())}; it reads the first "
                f"{length:,} tokens"
            )


def _looked(asked: Asked, evaluation: Split) -> Looked:
    split = None if asked.row is None else evaluation.name
    question = Question(
        asked.text, asked.text_b, asked.row, split, label=asked.label, method="we", about=asked.about
    )
    check_question(question, evaluation.task)
    return look_up(question, lambda name: evaluation, evaluation.info).looked


def _both(looked: Looked) -> list[AskedWords]:
    found = [AskedWords(looked.conversation, looked.turns, looked.marks, looked.cut)]
    if looked.other is not None:
        found.append(AskedWords(looked.other, looked.turns, looked.other_marks, looked.cut))
    return found
