"""What the pair view draws, as plain data: texts in pieces, ribbons between words, a table that adds up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from backend.data.examples import FIELD_NAMES
from backend.influence.answers.explanation import Entry, Field, Pair, Query, WordPair, WordScore
from pages.components.highlight import window
from pages.components.markup import short
from pages.components.numbers import Unit, percent
from pages.components.scale import ColourScale
from pages.components.word_rows import NEGLIGIBLE, special_name

LONGEST_TEXT = 1_500  # characters around the strongest word; a ribbon across more can't be followed
MOST_RIBBONS = 120
ALWAYS_DRAWN = 6
SHOWN_ROWS = 12
WIDEST = 14.0  # pixels of the strongest ribbon


@dataclass(frozen=True)
class Piece:
    """A stretch of a text. ``word`` numbers the words that share something; -1: without counterpart."""

    text: str
    word: int = -1
    colour: str | None = None
    sign: int = 0
    title: str = ""


@dataclass(frozen=True)
class Ribbon:
    """From a word of the query to one of the training example; ``always``: drawn without being pointed at."""

    query: int
    train: int
    score: float
    width: float
    always: bool
    row: int
    title: str


@dataclass(frozen=True)
class Row:
    """A row of the table; all but the last add up to the last, the pair's score."""

    name: str
    kind: Literal["word", "special", "other", "total"]
    score: float
    shown: str
    share: str
    bar: float = 0.0
    count: str = ""


@dataclass(frozen=True)
class Drawing:
    """All of it. ``query``, ``train``: texts in pieces; of conversations the turns, and who says them.

    ``hidden`` ribbons are too weak to draw, or end outside of what is shown of a long text.
    """

    query: list[list[Piece]]
    train: list[list[Piece]]
    query_roles: list[str]
    train_roles: list[str]
    ribbons: list[Ribbon]
    rows: list[Row]
    hidden: int

    def to_json(self) -> dict[str, Any]:
        """For the browser."""
        return asdict(self)


def pair_rows(pair: Pair, unit: Unit) -> list[Row]:
    """Word pairs by falling |score|, special tokens, the rest, and the score."""
    totals, counts = _totals(pair.pairs)
    ranked = list(totals)
    scores: list[tuple[str, Literal["word", "special", "other"], float, str]] = [
        (_row_name(key), "word", totals[key], str(counts[key])) for key in ranked[:SHOWN_ROWS]
    ]
    scores.append((special_name(pair.entry), "special", pair.entry.special, ""))
    rest = pair.entry.score - sum(each[2] for each in scores)
    more = len(ranked) - SHOWN_ROWS
    if more > 0 or abs(rest) > NEGLIGIBLE * max(abs(each[2]) for each in scores):
        scores.append((f"{more:,} more word pairs" if more > 0 else "other", "other", rest, ""))
    longest = max(abs(each[2]) for each in scores) or 1.0
    total = pair.entry.score
    rows = [
        Row(
            short(name),
            kind,
            score,
            unit.signed(score),
            percent(score / total) if total else "–",
            score / longest,
            count,
        )
        for name, kind, score, count in scores
    ]
    return [*rows, Row("score", "total", total, unit.signed(total), "100 %" if total else "–")]


def pair_drawing(pair: Pair, unit: Unit) -> Drawing:
    """The drawing of a pair, with numbers in one unit."""
    entry, scale = (
        pair.entry,
        ColourScale.of(each.score for each in (*pair.entry.words, *pair.entry.query_words)),
    )
    asked, shown = _fields(pair.query), _fields(entry)
    query, seen = _texts(asked, entry.query_words, scale, unit)
    train, found = _texts(shown, entry.words, scale, unit)
    rows = pair_rows(pair, unit)
    totals, _ = _totals(pair.pairs)
    place = {key: number for number, key in enumerate(list(totals)[:SHOWN_ROWS])}
    mine, theirs = _first_of(entry.query_words), _first_of(entry.words)
    drawable = [
        (mine[_span(each.query)], theirs[_span(each.train)], each)
        for each in sorted(pair.pairs, key=lambda each: -abs(each.score))
        if mine[_span(each.query)] in seen and theirs[_span(each.train)] in found and each.score
    ][:MOST_RIBBONS]
    strongest = max((abs(each.score) for *_, each in drawable), default=1.0)
    ribbons = [
        Ribbon(
            one,
            other,
            each.score,
            max(1.0, WIDEST * abs(each.score) / strongest),
            number < ALWAYS_DRAWN,
            place.get(_key(each), len(place) + 1 if len(totals) > SHOWN_ROWS else -1),
            f"{short(each.query.word)} – {short(each.train.word)}: {unit.signed(each.score)}",
        )
        for number, (one, other, each) in enumerate(drawable)
    ]
    roles = [each.role for each in asked], [each.role for each in shown]
    return Drawing(query, train, *roles, ribbons, rows, len(pair.pairs) - len(ribbons))


def _totals(pairs: Sequence[WordPair]) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str], int]]:
    """What all places of the same two words carry together, strongest first, and how many there are."""
    totals: dict[tuple[str, str], float] = {}
    counts: dict[tuple[str, str], int] = {}
    for each in pairs:
        key = _key(each)
        totals[key] = totals.get(key, 0.0) + each.score
        counts[key] = counts.get(key, 0) + 1
    ranked = sorted(totals, key=lambda key: (-abs(totals[key]), key))
    return {key: totals[key] for key in ranked}, counts


def _key(pair: WordPair) -> tuple[str, str]:
    side = " (written)" if pair.train.side == "written" else ""
    return pair.query.word.lower() + side, pair.train.word.lower() + side


def _row_name(key: tuple[str, str]) -> str:
    one, other = (short(each, 36) for each in key)
    return one if key[0] == key[1] else f"{one} – {other}"


def _span(word: WordScore) -> tuple[str, int, int]:
    return word.field, word.start, word.end


def _first_of(words: Sequence[WordScore]) -> dict[tuple[str, int, int], int]:
    """The number of the first word at each place: a word may be both read and written."""
    return {_span(word): number for number, word in reversed(list(enumerate(words)))}


def _fields(of: Query | Entry) -> list[Field]:
    """Turns, or texts."""
    texts = zip(FIELD_NAMES, (of.text, of.text_b), strict=True)
    return of.fields or [Field(name, text) for name, text in texts if text is not None]


def _texts(
    fields: Sequence[Field], words: Sequence[WordScore], scale: ColourScale, unit: Unit
) -> tuple[list[list[Piece]], set[int]]:
    """Each text in pieces, and the numbers of the words that are among them."""
    found, seen = [], set()
    first = _first_of(words)
    for each in fields:
        own = [(first[_span(word)], word) for word in words if word.field == each.name]
        pieces = _pieces(each.text, own, scale, unit)
        found.append(pieces)
        seen |= {piece.word for piece in pieces if piece.word >= 0}
    return found, seen


def _pieces(text: str, words: Sequence[tuple[int, WordScore]], scale: ColourScale, unit: Unit) -> list[Piece]:
    start, end = window(text, [word for _, word in words], LONGEST_TEXT)
    pieces = [Piece("… ")] if start else []
    at = start
    for number, word, sides in _by_place(words):
        if word.start < at or word.end > end or word.start >= word.end:
            continue
        if text[at : word.start]:
            pieces.append(Piece(text[at : word.start]))
        pieces.append(
            Piece(
                text[word.start : word.end],
                number,
                scale.colour(word.score),
                (word.score > 0) - (word.score < 0),
                f"{short(word.word)}: {unit.signed(word.score)} {unit.name}".strip() + sides,
            )
        )
        at = word.end
    return [*pieces, Piece(text[at:end] + (" …" if end < len(text) else ""))]


def _by_place(words: Sequence[tuple[int, WordScore]]) -> list[tuple[int, WordScore, str]]:
    """Words in order, those at the same place as one with the sum of their scores, and what it is made of."""
    places: dict[tuple[int, int], list[tuple[int, WordScore]]] = {}
    for number, word in words:
        places.setdefault((word.start, word.end), []).append((number, word))
    found = []
    for _, same in sorted(places.items()):
        number, word = same[0]
        total = replace(word, score=sum(each.score for _, each in same))
        sides = sorted({each.side for _, each in same})
        found.append((number, total, "" if sides == ["read"] else f", {' and '.join(sides)}"))
    return found
