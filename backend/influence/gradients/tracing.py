"""The checkpoints as live models, and the gradients of a query at all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.data.conversation import Conversation, Loss, Reading, reading_of
from backend.data.examples import Examples
from backend.data.targets.registry import space_of
from backend.data.targets.space import Numbers, Space
from backend.fair_lock import FairLock
from backend.folder import Folder
from backend.influence.gradients.capture import (
    Batch,
    batches,
    load_for_tracing,
    sided_rows,
    target_tensor,
)
from backend.influence.gradients.language_tracing import traced_against, traced_batch
from backend.influence.gradients.positions import decoder_start
from backend.influence.gradients.settings import TraceSettings, attentions_for
from backend.influence.gradients.sides import channel_weights, channels_of, default_channels
from backend.influence.gradients.token_rows import TokenRows, token_gradients
from backend.influence.gradients.traced import TracedExample, norm_of
from backend.manifest import Manifest
from backend.model.conversation_tokens import encode_conversation
from backend.model.generation import Writing, Written, write
from backend.model.lm_head import SplitModel
from backend.model.loading import embedding_layer, input_length, load_tokenizer
from backend.model.prediction import predict
from backend.model.recorded_limits import known_frozen
from backend.model.sharing import share
from backend.model.token_labels import token_labels
from backend.model.token_losses import token_losses
from backend.model.tokenization import Encoded, collate, encode
from backend.tasks.causal_lm import IGNORED
from backend.tasks.heads import CAUSAL_LM


class Checkpoints:
    """The models of a workspace, held in memory; loaded on first use, guarded by one lock."""

    def __init__(self, folder: Folder, settings: TraceSettings) -> None:
        self.manifest: Manifest = folder.manifest()
        self._folder, self._settings = folder, settings
        if self.language:
            self._settings = replace(settings, attention=attentions_for(CAUSAL_LM)[0])
        self._lock = FairLock()
        self._models: list[PreTrainedModel] = []
        self.weights = np.array([each.weight for each in self.manifest.checkpoints], dtype=np.float32)
        self.channels = channels_of(self.manifest)
        self.channel_weights = np.array(channel_weights(self.manifest), dtype=np.float32)

    @property
    def models(self) -> list[PreTrainedModel]:
        """One model per checkpoint, in training order; loaded by the first who asks."""
        with self._lock:
            if not self._models:
                paths = [self._folder.checkpoint_path(each) for each in self.manifest.checkpoints]
                loaded: list[PreTrainedModel] = []
                for path in paths:
                    loaded.append(load_for_tracing(path, self._settings))
                    share(loaded[-1], loaded[0])
                self._models = loaded
            return self._models

    @contextmanager
    def using(self) -> Iterator[None]:
        """Have the models to oneself: hooks are not for two threads at once."""
        with self._lock:
            yield

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer of the last checkpoint."""
        return load_tokenizer(self._folder.tokenizer_path(self.manifest))

    @property
    def vocabulary(self) -> int:
        """Number of rows of the embedding matrix; of the larger one where a language model has two."""
        read = embedding_layer(self.models[-1]).num_embeddings
        return max(read, SplitModel(self.models[-1]).vocabulary) if self.language else read

    @property
    def language(self) -> bool:
        """Whether they are language models."""
        return self.manifest.task.name == CAUSAL_LM

    @property
    def width(self) -> int:
        """d, the size of an embedding."""
        return embedding_layer(self.models[-1]).embedding_dim

    @cached_property
    def embeddings_frozen(self) -> bool:
        """Whether the run left them as they were, as recorded, or by the first and the last checkpoint."""
        if (known := known_frozen(self.manifest)) is not None:
            return known
        if len(self.models) < 2:
            return False
        first, last = (embedding_layer(model).weight for model in (self.models[0], self.models[-1]))
        return torch.equal(first, last)

    def encode(self, examples: Examples) -> list[Encoded]:
        """Tokenise as the training did."""
        with self._lock:
            length = input_length(self.manifest.max_length, self.tokenizer, self.models[-1])
            return encode(self.tokenizer, examples, length)

    def encode_conversation(self, row: Conversation, loss: Loss | None = None) -> Encoded:
        """Tokenise a row of a language model as the training did; ``loss``: or as one with that does."""
        with self._lock:
            length = input_length(self.manifest.max_length, self.tokenizer, self.models[-1])
            own = reading_of(self.manifest.task) or Reading()
            reading = own if loss is None else replace(own, loss=loss)
            return encode_conversation(self.tokenizer, row, reading, length)

    def write(self, row: Conversation, how: Writing, told: Callable[[str], bool | None] | None) -> Written:
        """The last checkpoint's answer in place of the last one of ``row``.

        Others may ask the models something between two of its tokens.
        """
        day, reads = self.manifest.task.day, self.manifest.max_length
        return write(self.models[-1], self.tokenizer, row, how, told, reads, day=day, alone=self.using)

    @property
    def padding_row(self) -> int | None:
        """The token whose row of the input table never trains."""
        return embedding_layer(self.models[-1]).padding_idx

    def token_losses(self, encoded: Encoded) -> np.ndarray:
        """The last checkpoint's loss of each token that is in the loss, 0 elsewhere: float32 (L)."""
        with self._lock:
            (found,) = token_losses(self.models[-1], [encoded], self.tokenizer)
        losses = np.zeros(len(encoded), dtype=np.float32)
        losses[token_labels([encoded])[0].numpy() != IGNORED] = found
        return losses

    @property
    def space(self) -> Space:
        """What targets can be."""
        return space_of(self.manifest.task)

    def outputs(self, encoded: Sequence[Encoded]) -> np.ndarray:
        """What the last checkpoint gives, such as class probabilities: float32 (n, K)."""
        with self._lock:
            return predict(self.models[-1], encoded, self.tokenizer)

    def trace(
        self, encoded: Sequence[Encoded], labels: Numbers, everywhere: bool = False
    ) -> list[TracedExample]:
        """The gradients of queries for the targets ``labels``, times the checkpoint weights.

        ``everywhere``: in all channels; else those that do not count by default (`default_channels`) are 0.
        """
        nothing = np.empty(0, dtype=np.int64)
        found = [
            TracedExample(
                each, nothing, nothing, np.zeros((len(self.channels), 0, self.width), np.float32), 0
            )
            for each in encoded
        ]
        with self._lock:
            for batch in self._batches(encoded):
                own = [encoded[each] for each in batch]
                for place, traced in zip(batch, self._traced(own, labels, batch, everywhere), strict=True):
                    found[place] = traced
        return found

    def _traced(
        self, encoded: Sequence[Encoded], labels: Numbers, places: Sequence[int], everywhere: bool
    ) -> Iterator[TracedExample]:
        """`trace` of one batch, whose labels stand at ``places``."""
        inputs = collate(encoded, self.tokenizer, self._settings.torch_device)
        targets = target_tensor(labels, places, self._settings.torch_device, encoded)
        if self.language:
            asked = np.ones(len(self.channels), bool) if everywhere else default_channels(self.channels)
            batch = Batch(list(places), inputs, targets, encoded)
            yield from traced_batch(self.models, batch, encoded, self.channel_weights, asked)
            return
        passes = [token_gradients(model, inputs, targets)[1] for model in self.models]
        first, length = passes[0], inputs["input_ids"].shape[1]
        shown = torch.cat([inputs["attention_mask"].bool(), first.kept[:, length:]], dim=1)
        for row, each in enumerate(encoded):
            ids, kept = (part[row, shown[row]].cpu().numpy() for part in (first.tokens, first.kept))
            slots = np.full(len(ids), -1, dtype=np.int64)
            tokens, slots[kept] = np.unique(ids[kept], return_inverse=True)
            rows = torch.stack([one.gradients[row, shown[row]].float() for one in passes]).cpu().numpy()
            rows *= self.weights[:, None, None]
            read = each if len(ids) == len(each) else each.followed_by(int(ids[-1]))
            yield TracedExample(read, slots, tokens, rows, self.norm(slots, tokens, rows))

    def trace_against(self, encoded: Encoded, others: np.ndarray) -> tuple[TracedExample, np.ndarray]:
        """`backend.influence.gradients.language_tracing.traced_against`."""
        with self._lock:
            inputs = collate([encoded], self.tokenizer, self._settings.torch_device)
            return traced_against(self.models, encoded, inputs, others, self.channels, self.channel_weights)

    def as_read(self, encoded: Sequence[Encoded]) -> list[Encoded]:
        """Texts with a place for what the decoder of an encoder-decoder reads first, where the text has none:
        as `TracedExample.encoded`, and as rows are stored."""
        start = self._decoder_start
        return [
            each if start is None or start in each.input_ids or not len(each) else each.followed_by(start)
            for each in encoded
        ]

    @cached_property
    def _decoder_start(self) -> int | None:
        with self._lock:
            return decoder_start(self.models[-1])

    def norm(self, slots: np.ndarray, tokens: np.ndarray, position_rows: np.ndarray) -> float:
        """`backend.influence.gradients.traced.norm_of` with the channels' weights."""
        return norm_of(slots, tokens, position_rows, self.channel_weights)

    def rows(self, examples: Examples) -> list[TokenRows]:
        """The rows of training examples in every channel, made anew in fp32; not times the weights."""
        encoded = self.encode(examples)
        labels = self.space.numbers(examples.targets)
        with self._lock:
            return [
                part
                for model in self.models
                for part in sided_rows(model, self.tokenizer, encoded, labels, self._settings)[0]
            ]

    def _batches(self, encoded: Sequence[Encoded]) -> Iterator[list[int]]:
        present = [position for position, each in enumerate(encoded) if each.input_ids]
        own = [encoded[position] for position in present]
        for batch in batches(own, self.models[-1], self.tokenizer, self._settings):
            yield [present[each] for each in batch]
