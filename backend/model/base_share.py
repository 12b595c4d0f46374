"""How much of an answer fine-tuning taught: its loss under the model that the run began with and after it.

Over the tokens of a span, base and tuned are sums of their losses in nats, and the share that fine-tuning
took away is (base - tuned) / base. It is told from what the base knew anyway by the thresholds below.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.data.conversation import Conversation, Reading, reading_of
from backend.errors import InputError
from backend.folder import Folder
from backend.model.adapter_files import is_adapter, read_adapter
from backend.model.adapters import find_base
from backend.model.conversation_tokens import encode_conversation
from backend.model.devices import resolve_device
from backend.model.encoded import LEARNT, Encoded
from backend.model.loading import embedding_layer, input_length, load_classifier, load_tokenizer
from backend.model.origin import was_attached
from backend.model.source import resolve
from backend.model.token_losses import token_losses
from backend.tasks.heads import CAUSAL_LM

Verdict = Literal["taught", "partly", "own", "unlearnt", "neither"]
SURE = 0.1
"""Nats per token below which a model would have said it anyway: a probability above .9."""
UNLIKELY = 3.0
"""Nats per token above which a model would hardly say it: a probability below .05."""
UNCHANGED_SHARE, UNCHANGED = 0.1, 0.05
"""A change is none below that share of the base's loss, or below that many nats per token."""
TAUGHT_SHARE = 0.5
"""Of the base's loss: what took away as much has taught it."""
WORDS: dict[Verdict, str] = {
    "taught": "taught: fine-tuning took {change} of {base} nats",
    "partly": "partly taught: fine-tuning took {change} of {base} nats",
    "own": "mostly the base model's own: fine-tuning changed {change} of {base} nats",
    "unlearnt": "unlearnt: fine-tuning added {change} to {base} nats",
    "neither": "neither the base model's own nor taught: fine-tuning changed {change} of {base} nats",
}


@dataclass(frozen=True)
class TokenChange:
    """A token of an answer: its characters, and its loss in nats under either model."""

    start: int
    end: int
    base: float
    tuned: float


@dataclass(frozen=True)
class SpanChange:
    """What fine-tuning changed of characters ``start`` to ``end`` of a turn.

    ``base``, ``tuned``: summed losses in nats of its tokens, ``share`` what of the base's is gone (negative:
    more was added; None: there was none). ``says``: the verdict in words.
    """

    turn: int
    start: int
    end: int
    text: str
    base: float
    tuned: float
    share: float | None
    verdict: Verdict
    says: str
    tokens: tuple[TokenChange, ...]


def verdict_of(base: float, tuned: float, tokens: int) -> Verdict:
    """What summed losses of so many tokens mean."""
    change = base - tuned
    if max(base, tuned) <= SURE * tokens:
        return "own"
    if abs(change) <= max(UNCHANGED_SHARE * base, UNCHANGED * tokens):
        return "neither" if tuned > UNLIKELY * tokens else "own"
    if change < 0:
        return "unlearnt"
    return "taught" if change >= TAUGHT_SHARE * base else "partly"


def in_words(base: float, tuned: float, tokens: int) -> str:
    """The verdict as a person reads it."""
    change = f"{abs(base - tuned):.2f}"
    return WORDS[verdict_of(base, tuned, tokens)].format(change=change, base=f"{base:.2f}")


class BaseAndTuned:
    """The model that a run began with, and the last checkpoint. ``name``: where the first lies."""

    def __init__(
        self, base: PreTrainedModel, tuned: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str
    ) -> None:
        self.base, self.tuned, self.tokenizer, self.name = base, tuned, tokenizer, name
        self._lock = threading.Lock()

    def changes(
        self, encoded: Encoded, turn: int, text: str, marks: Sequence[tuple[int, int]]
    ) -> list[SpanChange]:
        """What changed of each mark of a turn, in characters of its ``text``; of all of it without marks.

        A token belongs to a mark if one of its characters does; what the template puts around the turn
        belongs to none. `InputError` where the model reads no token of a mark.
        """
        offsets = np.asarray(encoded.offsets, dtype=np.int64).reshape(-1, 2)
        of_turn = np.asarray(encoded.fields) == turn
        of_turn[:1] = False  # nothing is before it: it is never said
        base, tuned = self._losses(encoded, of_turn)
        offsets = offsets[of_turn]
        found = []
        for start, end in marks or [(0, len(text))]:
            chosen = np.flatnonzero((offsets[:, 0] < end) & (offsets[:, 1] > start)).tolist()
            if not chosen:
                cut = f" (only the first {len(encoded):,} tokens of the row)" if encoded.truncated else ""
                raise InputError(f"mark {start}:{end}: the model reads no token there{cut}")
            tokens = tuple(
                TokenChange(
                    int(offsets[each, 0]), int(offsets[each, 1]), float(base[each]), float(tuned[each])
                )
                for each in chosen
            )
            found.append(_span(turn, start, end, text[start:end], tokens))
        return found

    def _losses(self, encoded: Encoded, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        flags = np.asarray(encoded.flags, dtype=np.int64)
        asked = replace(encoded, flags=np.where(wanted, flags | LEARNT, flags & ~LEARNT).tolist())
        known = embedding_layer(self.base).num_embeddings
        if len(encoded) and max(encoded.input_ids) >= known:
            raise InputError(
                f"{self.name}: knows {known:,} tokens, and the fine-tuned model more, of which this text has "
                "some; the two cannot be compared on it"
            )
        with self._lock:
            base, tuned = (token_losses(each, [asked], self.tokenizer)[0] for each in (self.base, self.tuned))
        return base, tuned


def _span(turn: int, start: int, end: int, text: str, tokens: tuple[TokenChange, ...]) -> SpanChange:
    base, tuned = sum(each.base for each in tokens), sum(each.tuned for each in tokens)
    return SpanChange(
        turn,
        start,
        end,
        text,
        base,
        tuned,
        (base - tuned) / base if base else None,
        verdict_of(base, tuned, len(tokens)),
        in_words(base, tuned, len(tokens)),
        tokens,
    )


def encode_for(folder: Folder, models: BaseAndTuned, row: Conversation) -> Encoded:
    """A row's tokens, as the training made them."""
    manifest = folder.manifest()
    length = input_length(manifest.max_length, models.tokenizer, models.tuned)
    return encode_conversation(models.tokenizer, row, reading_of(manifest.task) or Reading(), length)


def base_name(folder: Folder, given: str | None = None) -> str:
    """Folder or hub id of the model that the run in force began with; ``given``, where one says so.

    `InputError` says in one line where it is not known or not to be found.
    """
    manifest = folder.manifest()
    if manifest.task.name != CAUSAL_LM:
        raise InputError(
            "what fine-tuning changed of an answer is told of language models (--task causal-lm)"
        )
    folder.require("checkpoints", "train")
    last = folder.checkpoint_path(manifest.checkpoints[-1])
    if is_adapter(last):
        return find_base(read_adapter(last), given)
    if given is not None:
        return resolve(given)
    if was_attached(folder):
        raise InputError(
            f"{folder.path}: its run was attached, and a model that was trained whole does not say what it "
            "began with; name it with --base FOLDER_OR_HUB_ID"
        )
    return resolve(manifest.model.name)


def load_base_and_tuned(folder: Folder, given: str | None = None, device: str = "auto") -> BaseAndTuned:
    """Both models in memory, in fp32; ``given`` as in `base_name`."""
    manifest, where = folder.manifest(), resolve_device(device)
    name = base_name(folder, given)
    last = folder.checkpoint_path(manifest.checkpoints[-1])
    layers = None if is_adapter(last) or given is not None else manifest.model.layers
    tuned, base = (
        load_classifier(last),
        load_classifier(Path(name) if Path(name).is_dir() else name, layers=layers),
    )
    for each in (tuned, base):
        nn.Module.to(each.eval().requires_grad_(False), where)
    return BaseAndTuned(base, tuned, load_tokenizer(folder.tokenizer_path(manifest)), name)
