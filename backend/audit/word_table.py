"""From tallies of tokens to a table that a person reads: which tokens, what they are, where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from backend.data.dataset import Split
from backend.influence.answers.conversation_entries import conversation_at
from backend.influence.answers.culprits import Strongest, TokenTally
from backend.influence.answers.explain import Explainer
from backend.influence.answers.token_words import TokenWord, token_words
from backend.influence.gradients.sides import OF_TEMPLATE
from backend.model.encoded import Encoded
from backend.model.tokenization import special_ids

_COLUMNS = (
    ("token", pa.string()),
    ("token_id", pa.int64()),
    ("kind", pa.string()),
    ("word", pa.string()),
    ("harmful", pa.float64()),
    ("helpful", pa.float64()),
    ("net", pa.float64()),
    ("n_rows", pa.int64()),
    ("top_rows", pa.list_(pa.string())),
    ("top_terms", pa.list_(pa.float64())),
)
_OF_LANGUAGE_MODELS = (
    ("best_rows", pa.list_(pa.string())),
    ("best_terms", pa.list_(pa.float64())),
    ("text", pa.string()),
    ("side", pa.string()),
)
_TEMPLATE = TokenWord("special", "")


def word_table(
    explainer: Explainer, found: TokenTally, uses: Mapping[int, TokenWord], side: str | None = None
) -> pa.Table:
    """The tokens that any training row shares, most harmful first. ``uses``: how each is mostly used.

    With a ``side``, of language models, also the rows in which it helps most, and the token as it is read.
    """
    shared = np.flatnonzero(found.counts)
    net = found.harmful + found.helpful
    order = shared[np.lexsort((found.tokens[shared], net[shared]))]
    tokens, tokenizer = found.tokens[order].tolist(), explainer.checkpoints.tokenizer
    names = tokenizer.convert_ids_to_tokens(tokens)
    words = [_TEMPLATE if side in OF_TEMPLATE else uses.get(each, _TEMPLATE) for each in tokens]
    columns = [
        names,
        tokens,
        [each.kind for each in words],
        [each.word for each in words],
        found.harmful[order],
        found.helpful[order],
        net[order],
        found.counts[order],
        *_strongest(found.worst, order, explainer.train.ids),
    ]
    if side is None:
        return pa.table(columns, schema=pa.schema(_COLUMNS))
    columns += [
        *_strongest(found.best, order, explainer.train.ids),
        [_as_read(tokenizer.convert_tokens_to_string([each]), each) for each in names],
        [side] * len(tokens),
    ]
    return pa.table(columns, schema=pa.schema(_COLUMNS + _OF_LANGUAGE_MODELS))


def uses_in(
    explainer: Explainer, split: Split, places: Sequence[int], encoded: Sequence[Encoded]
) -> dict[int, TokenWord]:
    """How the tokens of some rows of a split are used in them."""
    checkpoints = explainer.checkpoints
    texts = [read_texts(explainer, split, each) for each in places]
    return token_words(checkpoints.as_read(encoded), texts, special_ids(checkpoints.tokenizer))


def read_texts(explainer: Explainer, split: Split, place: int) -> tuple[str, ...]:
    """The texts that fields of tokens are of: of a conversation its turns, by number."""
    if not explainer.checkpoints.language:
        return split.texts_of(place)
    return tuple(each.text for each in conversation_at(split, place).turns)


def _strongest(
    found: Strongest, order: np.ndarray, ids: Sequence[str]
) -> tuple[list[list[str]], list[list[float]]]:
    """Ids of the rows of each token, and its terms there."""
    pairs = [
        [(ids[row], term) for row, term in zip(rows, terms, strict=True) if row >= 0]
        for rows, terms in zip(found.positions[order].tolist(), found.terms[order].tolist(), strict=True)
    ]
    return [[row for row, _ in each] for each in pairs], [[term for _, term in each] for each in pairs]


def _as_read(text: str, token: str) -> str:
    """A token's text; its name where that is not a whole character, or nothing but blanks."""
    return token if "\ufffd" in text or not text.strip() else text.strip()
