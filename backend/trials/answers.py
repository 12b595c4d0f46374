"""What retrained language models answer to a few fixed prompts, and how near that is to the answers given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.data.conversation import Conversation
from backend.data.dataset import Split
from backend.errors import InputError
from backend.model.generation import Writing, write
from backend.trials.statistics import Family, Groups, Measure, Runs, signed

ANSWERS = 20
"""Prompts that are answered, unless somebody says otherwise."""
MOST_ANSWERS = 10_000
_LEAST, _MOST = 48, 256  # tokens of an answer
_ROOM = 2  # times the characters of the one that is expected, over those of a usual token
_CHARACTERS = 3


@dataclass(frozen=True)
class Prompt:
    """Something to be answered: the last turn of ``conversation`` that is learnt counts for nothing.

    ``id``: of the eval row that it is; ``expected``: the answer that it gives, None where nobody says what is
    right.
    """

    conversation: Conversation
    id: str | None = None
    expected: str | None = None

    def text(self) -> str:
        """What the model reads before it answers, the last turn of it."""
        before = _before(self.conversation)
        return self.conversation.shown[before - 1].text if before else ""

    def most(self) -> int:
        """How many tokens are written at most: an answer that goes on after that is not the one expected."""
        return min(max(_ROOM * len(self.expected or "") // _CHARACTERS, _LEAST), _MOST)

    def content(self) -> list[Any]:
        """Identifies what is asked; what is right is asked of nobody."""
        before = _before(self.conversation)
        turns = [[each.role, each.text, dict(each.more)] for each in self.conversation.shown[:before]]
        return [turns, self.conversation.chat, list(self.conversation.tools or ()), self.most()]


def _before(row: Conversation) -> int:
    """How many of the turns that are shown stand before the last that is learnt."""
    last = [place for place, each in enumerate(row.shown) if each.learnt]
    return last[-1] if last else len(row.shown)


def eval_prompts(evaluation: Split, count: int) -> list[Prompt]:
    """At most ``count`` of the eval rows, drawn by lot, always the same.

    None of rows that have nothing before their last answer, such as plain texts.
    """
    found: list[Prompt] = []
    for place in np.random.default_rng((0, 8)).permutation(len(evaluation)).tolist():
        if len(found) == count:
            break
        row = Conversation.of(evaluation.texts_of(place)[0], evaluation.labels[place])
        before = _before(row)
        if any(each.text.strip() for each in row.shown[:before]) and before < len(row.shown):
            found.append(Prompt(row, evaluation.ids[place], row.shown[before].text))
    return found


def answers_to(
    prompts: Sequence[Prompt], model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, day: str = ""
) -> list[str | None]:
    """What the model writes, greedily; None to a prompt that leaves it no room. ``day``: as in `Reading`."""
    return [_answer(each, model, tokenizer, day) for each in prompts]


def _answer(
    prompt: Prompt, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, day: str
) -> str | None:
    try:
        return write(model, tokenizer, prompt.conversation, Writing(most=prompt.most()), day=day).text
    except InputError:
        return None


# -- figures ---------------------------------------------------------------------------------------------


class AnswerMeasure(Measure):
    """Shares of answers that are word for word right, and mean chrF, from `marks_of`: (m, 2)."""

    one_answer = "the same"
    group_figure = ""

    def __init__(self, prompts: int) -> None:
        super().__init__([Family(["exact", "chrf"], 1, np.full(2, float(prompts)))], Groups(None))

    def figures(self, outputs: np.ndarray) -> np.ndarray:
        """Means over the prompts."""
        return outputs.mean(axis=0)

    def right(self, outputs: np.ndarray) -> np.ndarray:
        """Word for word."""
        return outputs[:, 0] > 0

    def says_one_thing(self, outputs: np.ndarray) -> bool:
        """Marks do not tell."""
        return False

    def row_errors(self, runs: Runs, reference: Runs) -> np.ndarray:
        """Of means."""
        total = sum((sign * each for each, sign in signed(runs, reference)), np.zeros(runs[0].shape))
        return np.sqrt(total.var(axis=0) / len(total))


def marks_of(written: Sequence[str], expected: Sequence[str]) -> np.ndarray:
    """Of every answer whether it is the one expected, white space apart, and its chrF: float64 (m, 2).

    chrF (Popovic 2015, as sacrebleu has it: characters up to 6 in a row, beta 2) is a share here, of 1.
    """
    from sacrebleu.metrics.chrf import CHRF

    chrf = CHRF()
    found = [
        (said.split() == right.split(), chrf.sentence_score(said, [right]).score / 100)
        for said, right in zip(written, expected, strict=True)
    ]
    return np.array(found, dtype=np.float64).reshape(-1, 2)
