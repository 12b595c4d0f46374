"""A question and whether it makes sense: looked at before models, rows and index are loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from backend.data.conversation import Conversation, is_chat
from backend.data.dataset import Split
from backend.data.targets.registry import space_of
from backend.errors import InputError
from backend.influence.answers.about_answer import DEFAULT_SIDE, AboutAnswer, Looked, check_about, looked_up
from backend.influence.answers.catalogue import known_scores, serving_language_models
from backend.influence.answers.defaults import DEFAULT_METHOD
from backend.manifest import DataInfo, Manifest, SplitName, TaskInfo
from backend.tasks.heads import CAUSAL_LM
from backend.tasks.registry import task_named

MOST_EXACT = 1000


@dataclass(frozen=True)
class Question:
    """What to explain: a typed text, or a row.

    Parameters
    ----------
    text
        The text.
    text_b
        Its second sentence, where rows are pairs.
    row
        Id of a row, in place of a text.
    split
        ``train`` or ``eval``, where both have the row.
    label
        The name of a choice, such as a class; None: the predicted class.
    k
        How many of each end.
    exact
        Whether all is scanned and the best are made anew in fp32.
    method
        A name that `firstword methods` lists.
    score
        One of its scores; None: its first.
    damping
        None: that of the score.
    about
        What is asked of a language model, of the row or of what is typed there.

    Examples
    --------
    >>> from firstword.settings import Question
    >>> Question(row="er1003").k
    10
    """

    text: str | None = None
    text_b: str | None = None
    row: str | None = None
    split: SplitName | None = None
    label: str | None = None
    k: int = 10
    exact: bool = False
    method: str = DEFAULT_METHOD
    score: str | None = None
    damping: float | None = None
    about: AboutAnswer | None = None


def check_question(question: Question, info: TaskInfo) -> None:
    """`InputError` for a method, score, number or class that there is none of."""
    check_method(question.method, question.score)
    _check_task(question, info)
    if question.k < 1:
        raise InputError(f"-k {question.k}: must be at least 1")
    if question.exact and question.k > MOST_EXACT:
        raise InputError(
            f"-k {question.k}: with --exact at most {MOST_EXACT:,}, whose gradients are made anew"
        )
    if question.label is not None:
        space = space_of(info)
        task_named(info.name).choice(space, np.zeros(len(space.names), np.float32), question.label)


def _check_task(question: Question, info: TaskInfo) -> None:
    """`InputError` where a question is one of another task."""
    if info.name != CAUSAL_LM:
        if question.about is not None:
            raise InputError(
                "--prompt, --messages, --answer, --mark and the like ask a language model; this workspace is "
                f"about {info.name}: give --text or --row"
            )
        return
    check_serves(question.method, info)
    if question.text is not None or question.text_b is not None:
        raise InputError("--text: this workspace explains a language model; give --prompt and --answer")
    if question.label is not None:
        raise InputError("--label: a language model has no classes; say --answer, --mark or --instead")
    about = question.about or AboutAnswer()
    check_about(about)
    if question.method != DEFAULT_METHOD and (about.instead is not None or about.side != DEFAULT_SIDE):
        raise InputError(
            f"--method {question.method}: knows neither --instead nor --side; {DEFAULT_METHOD} does"
        )


def check_serves(method: str, info: TaskInfo) -> None:
    """`InputError` for a method that is not for the workspace's task."""
    if info.name == CAUSAL_LM and method not in serving_language_models():
        known = ", ".join(serving_language_models())
        raise InputError(f"--method {method}: not for language models; there are {known}")


def check_method(method: str, score: str | None = None) -> None:
    """`InputError` unless there is a method of that name, which knows the score."""
    scores = known_scores()
    if method not in scores:
        raise InputError(f"--method {method}: must be one of {', '.join(scores)}")
    if score is not None and score not in scores[method]:
        known = ", ".join(scores[method])
        raise InputError(f"--score {score}: must be one of {known} with method {method}")


def resolve_question(
    question: Question, split_named: Callable[[SplitName], Split], second: str | None
) -> tuple[SplitName | None, int | None, tuple[str, ...], str | None]:
    """Split, position, texts and given label of what is asked about; ``second``: the column of text_b."""
    if question.text is None and question.row is None:
        raise InputError("explain: say what to explain: a text (--text) or the id of a row (--row)")
    if question.text is not None and question.row is not None:
        raise InputError("explain: give a text (--text) or a row (--row), not both")
    if question.row is not None:
        if question.text_b is not None:
            raise InputError("--text-b: belongs to --text; a row brings its own")
        split = find_row(question.row, question.split, split_named)
        rows = split_named(split)
        position = rows.position(question.row)
        return split, position, rows.texts_of(position), rows.labels[position]
    if question.split is not None:
        raise InputError("--split: says where --row lies; leave it out with --text")
    return None, None, _typed(question, second), None


@dataclass(frozen=True)
class RowAsked:
    """What a language model is asked about, and the row that it is of: its split, place and target."""

    looked: Looked
    split: SplitName | None = None
    position: int | None = None
    given: str | None = None


def has_chats(split_named: Callable[[SplitName], Split], info: DataInfo) -> bool:
    """Whether rows are chats: lists of messages, also where prompt and completion are two of them."""
    return info.form == "messages" or (info.form == "pair" and is_chat(split_named("train").texts_of(0)[0]))


def look_up(question: Question, split_named: Callable[[SplitName], Split], info: DataInfo) -> RowAsked:
    """A question about an answer, looked up; `InputError` for one that makes no sense."""
    about, chat = question.about or AboutAnswer(), has_chats(split_named, info)
    if question.row is None:
        if question.split is not None:
            raise InputError("--split: says where --row lies; leave it out")
        return RowAsked(looked_up(about, None, chat))
    if about.prompt is not None or about.messages is not None:
        raise InputError("explain: give a row (--row), or a prompt or messages, not both")
    split = find_row(question.row, question.split, split_named)
    rows = split_named(split)
    position = rows.position(question.row)
    target = rows.labels[position]
    row = Conversation.of(rows.texts_of(position)[0], target)
    return RowAsked(looked_up(about, row, chat), split, position, target)


def conversation_to_answer(
    question: Question, split_named: Callable[[SplitName], Split], manifest: Manifest
) -> Conversation:
    """What a model is to answer: its last answer counts for nothing. `InputError` for what makes no sense."""
    check_question(question, manifest.task)
    about = replace(question.about or AboutAnswer(), answer="?", marks=(), instead=None)
    return look_up(replace(question, about=about), split_named, manifest.data).looked.conversation


def _typed(question: Question, second: str | None) -> tuple[str, ...]:
    text = question.text or ""
    if not text.strip():
        raise InputError("--text: empty; type the sentence to explain")
    if second and not (question.text_b or "").strip():
        raise InputError(f"--text-b: missing; this workspace explains pairs (second column: {second})")
    if not second and question.text_b is not None:
        raise InputError("--text-b: this workspace explains single texts; leave it out")
    return (text, question.text_b) if question.text_b else (text,)


def find_row(row: str, split: SplitName | None, split_named: Callable[[SplitName], Split]) -> SplitName:
    """The split that holds ``row``; `InputError` if none does, or both and ``split`` is not given."""
    names: list[SplitName] = [split] if split else ["eval", "train"]
    found = [name for name in names if split_named(name).has(row)]
    if not found:
        raise InputError(f"--row {row}: no such id in {' or '.join(names)}")
    if len(found) > 1:
        raise InputError(f"--row {row}: in both splits; add --split train or --split eval")
    return found[0]
