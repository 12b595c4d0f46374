"""What `explain` answers: plain records, and the JSON contract of docs/design.md, section 6.2."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class TokenScore:
    """The part of a score that one shared token carries (all its positions together).

    ``query_token`` is the query's token that it was matched with, None where that is the same. A method that
    matches terms of its own instead of tokens has ``token_id`` -1. Of language models: ``side`` read or
    written, ``field`` None for a token of the template.
    """

    token: str
    token_id: int
    special: bool
    score: float
    query_token: str | None = None
    side: str = "read"
    field: str | None = "text"


@dataclass(frozen=True)
class WordScore:
    """The part of a score at one word: characters ``start`` to ``end`` of ``field`` (text or text_b).

    Of language models ``field`` is the number of the turn, and ``side`` says whether it is the word that was
    read or the word that was written.
    """

    word: str
    start: int
    end: int
    score: float
    field: str = "text"
    side: str = "read"


@dataclass(frozen=True)
class Field:
    """A text of an example: of a language model a turn, its ``name`` the turn's number, who says it, and
    whether the model learns to say it."""

    name: str
    text: str
    role: str = ""
    learnt: bool = False


@dataclass(frozen=True)
class StripToken:
    """A token as a language model reads it: characters ``start`` to ``end`` of ``field`` (None: the
    template's).

    ``loss`` in nats, None where it is not in the loss; ``marked``: it is asked about. ``side``: as in words.
    """

    token: str
    token_id: int
    field: str | None
    start: int
    end: int
    loss: float | None
    marked: bool
    side: str = "read"


@dataclass(frozen=True)
class Entry:
    """One training example with its influence on the query.

    ``tokens`` add up to ``score``. ``words`` (of the training example) plus ``special`` add up to
    ``score``, and so do ``query_words`` (of the query) plus ``special``. All are empty, and ``special`` 0,
    for methods whose scores don't divide over words. ``same_text``: its text is the query's, up to case and
    white space (`backend.data.equal_texts`).
    """

    rank: int
    id: str
    text: str
    text_b: str | None
    label: str
    score: float
    percentile: float
    tokens: list[TokenScore]
    words: list[WordScore]
    query_words: list[WordScore]
    special: float
    same_text: bool = False
    truncated: bool = False
    fields: list[Field] = field(default_factory=list)

    def copy_words(self, given: str | None) -> str | None:
        """That it is a copy of the query, whose label is ``given`` where it has one; None if it is none."""
        if not self.same_text:
            return None
        return "same text as the query" + (", another label" if given not in (None, self.label) else "")


@dataclass(frozen=True)
class WordPair:
    """The part of a score that a word of the query and a word of the training example carry together.

    The words' own ``score`` is what they carry with all words of the other text.
    """

    query: WordScore
    train: WordScore
    score: float


@dataclass(frozen=True)
class Query:
    """What is explained. ``label`` is the class whose loss is traced, ``given`` the row's own label.

    Of other tasks: ``label`` names what is asked (`backend.tasks.task.Choice`), ``asked`` says it to a
    person, ``helped`` and ``harmed`` what training on proponents and opponents did. ``outputs`` by name,
    which are ``probabilities`` where the task has such.

    Of language models: ``fields``, the turns that were read; ``answer``, what is asked about, which the model
    wrote itself where ``generated``; ``turn``, where it stands; ``marks``, characters of it; ``instead``,
    what it is held against; ``loss`` of what is asked about and ``instead_loss`` of what it is held against,
    in nats, over ``instead_tokens``; ``tokens``, all that was read.
    """

    text: str
    text_b: str | None
    label: str
    predicted: str
    probabilities: dict[str, float]
    row: str | None = None
    split: str | None = None
    given: str | None = None
    truncated: bool = False
    task: str = "classification"
    asked: str = ""
    helped: str = ""
    harmed: str = ""
    outputs: dict[str, float] = field(default_factory=dict)
    fields: list[Field] = field(default_factory=list)
    answer: str | None = None
    generated: bool = False
    turn: int | None = None
    marks: list[tuple[int, int]] = field(default_factory=list)
    instead: str | None = None
    loss: float | None = None
    instead_loss: float | None = None
    instead_tokens: int = 0
    tokens: list[StripToken] = field(default_factory=list)


@dataclass(frozen=True)
class Excluded:
    """A training row explained against itself is left out of the lists; ``score`` is its influence on
    this query, its self-influence if the query's label is its own."""

    id: str
    score: float
    self_influence: bool


@dataclass(frozen=True)
class Explanation:
    """Proponents (descending score) and opponents (ascending) of one query.

    ``has_words``: whether the method's scores divide over words.
    """

    query: Query
    method: str
    score: str
    exact: bool
    n_train: int
    n_scored: int
    elapsed_ms: dict[str, float]
    proponents: list[Entry]
    opponents: list[Entry]
    excluded: Excluded | None = None
    notes: list[str] = field(default_factory=list)
    has_words: bool = True

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists, as ``explain --json`` prints them."""
        return asdict(self)


@dataclass(frozen=True)
class Histogram:
    """How many training examples have a score within each of the bins that ``edges`` part (one edge more)."""

    edges: list[float]
    counts: list[int]


@dataclass(frozen=True)
class Pair:
    """One query and one training example, wherever it ranks.

    ``sign`` is 1 for a proponent, -1 for an opponent, 0 where the score is 0; ``entry.rank`` counts from
    that end. ``known``: rank and percentile are those of a list; else they are estimates. ``scores`` are of
    all training examples but the query itself; ``estimated``: all but the strongest by the index. ``pairs``,
    ``entry.special`` and a remainder (rounding, words matched with special tokens) add up to ``entry.score``.
    """

    query: Query
    entry: Entry
    sign: int
    known: bool
    estimated: bool
    method: str
    score: str
    n_train: int
    scores: Histogram
    pairs: list[WordPair]

    @property
    def other(self) -> float:
        """What neither two words nor special tokens carry."""
        return self.entry.score - self.entry.special - sum(each.score for each in self.pairs)
