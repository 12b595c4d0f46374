"""Words that training rows write where a query writes others: what speaks for another answer.

An example's row of a word written is ``dL / d U_w = sum_t (p_t(w) - [y_t = w]) h_t``, and search compares the
rows of words that both write. A query has a gradient at every other row of the output table, too: ``sum_t
p_t(w) h_t``, above all where the model thinks w likely. With it, a training example that teaches w in such a
place is seen to harm. Rows written and these together are the whole product at the words that a training
example writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from backend.influence.answers.explain import Explainer
from backend.influence.answers.summed_query import SummedQuery
from backend.influence.gradients.language import language_pass
from backend.influence.gradients.sides import WRITTEN
from backend.influence.index.modes import ScoreMode
from backend.model.encoded import LEARNT
from backend.model.token_labels import token_labels
from backend.model.tokenization import Encoded, collate

_BLOCK = 2048  # words whose rows are changed at once


def instead_query(explainer: Explainer, encoded: Sequence[Encoded], mode: ScoreMode) -> SummedQuery:
    """The rows of examples of a language model at the words that they do not write, added up.

    T are the words that any training example writes, template tokens aside; only channels of the written side
    have rows. A mode that looks at a query's norm takes that of what it writes.
    """
    checkpoints, searcher = explainer.checkpoints, explainer.searcher
    written = [place for place, each in enumerate(checkpoints.channels) if each.side == WRITTEN]
    tokens = _written(explainer, written[0])
    total = np.zeros((len(written), len(tokens), checkpoints.width), dtype=np.float32)
    for each in encoded:
        flags, ids = (np.asarray(part, dtype=np.int64) for part in (each.flags, each.input_ids))
        others = np.setdiff1d(tokens, ids[1:][(flags[1:] & LEARNT) > 0])
        norm = _norm(explainer, each, mode)
        total[:, np.searchsorted(tokens, others)] += _at(explainer, each, others) / norm
    rows = np.zeros((len(checkpoints.channels), len(tokens), searcher.stores[0].width), dtype=np.float32)
    for start in range(0, len(tokens), _BLOCK):
        some = slice(start, start + _BLOCK)
        traced = np.zeros((len(rows), len(tokens[some]), checkpoints.width), dtype=np.float32)
        traced[written] = total[:, some]
        asked = searcher.ask(SummedQuery.of(tokens[some], traced), _plain(mode)).rows
        for channel in written:
            rows[channel, some] = asked[channel]
    return SummedQuery.of(tokens, rows)


def _written(explainer: Explainer, channel: int) -> np.ndarray:
    """The tokens that any training example has in a channel: int64, ascending."""
    found = [np.unique(shard.tokens) for shard in explainer.searcher.stores[channel].passing()]
    return np.unique(np.concatenate(found)).astype(np.int64)


def _at(explainer: Explainer, encoded: Encoded, others: np.ndarray) -> np.ndarray:
    """Gradients of a text at rows of the output table that it does not write, at every checkpoint and times
    its weight: float32 (K, m, d)."""
    checkpoints, device = explainer.checkpoints, explainer.settings.torch_device
    with checkpoints.using():
        inputs = collate([encoded], checkpoints.tokenizer, device)
        labels, wanted = token_labels([encoded], device=device), torch.from_numpy(others).to(device)
        found = [language_pass(model, inputs, labels, wanted).others for model in checkpoints.models]
    rows = np.stack([each.float().cpu().numpy() for each in found])
    return rows * checkpoints.weights[:, None, None]


def _norm(explainer: Explainer, encoded: Encoded, mode: ScoreMode) -> float:
    """What a mode divides the rows that the example writes by."""
    if not mode.by_query_norm:
        return 1.0
    (traced,) = explainer.checkpoints.trace([encoded], np.zeros(1, dtype=np.int64))
    whole, divided = (
        float(np.linalg.norm(explainer.searcher.ask(traced, each).rows)) for each in (_plain(mode), mode)
    )
    return whole / divided if divided > 0 else 1.0


def _plain(mode: ScoreMode) -> ScoreMode:
    return replace(mode, by_query_norm=False)
