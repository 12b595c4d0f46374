"""Gradient-guided loss masking token by token, for causal language models (arXiv 2102.13549).

`backend.trials.recipes.mask` masks a classifier's examples; here a text is trained on without those of its
tokens whose gradient opposes that of a few clean texts: ``w_it = 1[<grad l_it, grad L_guide> > tau]`` with
``l_it`` the loss of predicting token t of text i. One forward-mode pass gives the products of a whole batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.data import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer

from backend.errors import InputError
from backend.influence.gradients.capture import Batch
from backend.influence.gradients.directional import Derivative, suitable_derivative
from backend.influence.gradients.parameters import Vector, mean_gradient
from backend.model.model_inputs import accepted_inputs
from backend.model.recipe import weighted_mean
from backend.model.tokenization import TokenIds, collate
from backend.tasks.causal_lm import IGNORED, next_token_losses
from backend.trials.recipes.class_guard import ClassGuard
from backend.trials.recipes.guide import LEAST, in_parts, plain
from backend.trials.recipes.mask import MaskSettings


def token_losses(model: PreTrainedModel, weights: Vector, batch: Batch) -> Tensor:
    """Cross-entropy of every next token, float32 (B, L - 1), 0 where there is none.

    ``weights`` stand in the place of the parameters of these names; ``batch.labels`` int64 (B, L - 1).
    """
    logits = functional_call(model, weights, (), accepted_inputs(model, batch.inputs)).logits
    return next_token_losses(logits[:, :-1].float(), batch.labels)


@dataclass(frozen=True)
class TokenShares:
    """How often the tokens of a text were masked: ``seen`` and ``masked`` int64 (L), the first never."""

    seen: np.ndarray
    masked: np.ndarray

    @property
    def share(self) -> np.ndarray:
        """Of its chances: float64 (L)."""
        return self.masked / np.maximum(self.seen, 1)


class TokenMaskTrainer(Trainer):
    """Trains a causal language model on the tokens that agree with a guide.

    Args:
        texts: n texts to train on. guide: trusted texts, at least `LEAST` with two tokens.
        tokenizer: pads. settings: as for examples; a class is a token of the vocabulary here, and no token
            loses more than its share of occurrences.
        arguments: what `Trainer` takes besides data, collator and tokenizer.

    Raises `InputError` where guide or texts have nothing to predict.
    """

    def __init__(
        self,
        texts: Sequence[TokenIds],
        guide: Sequence[TokenIds],
        tokenizer: PreTrainedTokenizerBase,
        settings: MaskSettings | None = None,
        **arguments: Any,
    ) -> None:
        self.settings = settings or MaskSettings()
        self._texts, self._pads = _Texts(texts), tokenizer
        self._trusted = [each for each in guide if len(each) > 1]
        if len(self._trusted) < LEAST:
            raise InputError(f"the guide has {len(self._trusted)} texts of two tokens; it needs {LEAST}")
        if not len(self._texts):
            raise InputError("there is nothing to train on: no text has two tokens")
        super().__init__(
            train_dataset=self._texts,
            data_collator=self._collated,
            processing_class=tokenizer,
            **arguments,
        )
        self.model_accepts_loss_kwargs = False  # the loss is a mean: accumulated batches are averaged
        self._random = np.random.default_rng((self.args.seed, 1))
        self._direction: Vector | None = None
        self._derivative: Derivative | None = None
        self._next_refresh = 0
        vocabulary: Any = self.model.config.vocab_size  # type: ignore[union-attr]
        self._guard = ClassGuard(vocabulary, self.settings.most_of_a_class)
        counts = [np.zeros((2, len(each)), dtype=np.int64) for each in texts]
        self.shares = [TokenShares(seen, masked) for seen, masked in counts]
        self.steps: list[dict[str, Any]] = []

    def train(self, *given: Any, **named: Any) -> Any:
        """As ever; the guide's gradient is that of the model which is trained now."""
        self._direction = None
        return super().train(*given, **named)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Mean loss of the tokens that stay; of all while warming up, or where none stays."""
        given = dict(inputs)
        places = given.pop("places").tolist()
        batch = next_token_batch(places, given)
        weights = self._weights(batch)
        outputs = model(**accepted_inputs(self.model, given))  # type: ignore[arg-type]
        losses = next_token_losses(outputs.logits[:, :-1].float(), batch.labels)
        real = batch.labels != IGNORED
        loss = weighted_mean(losses[real], weights[real])
        return (loss, outputs) if return_outputs else loss

    def _weights(self, batch: Batch) -> Tensor:
        """1 for tokens that stay, float32 (B, L - 1)."""
        weights = torch.ones(batch.labels.shape, device=batch.labels.device)
        step, first = self.state.global_step, round(self.settings.warmup * self.state.max_steps)
        if step < first:
            return weights
        model: PreTrainedModel = self.model  # type: ignore[assignment]
        with plain(model, batch.labels.device):
            if self._direction is None or step >= self._next_refresh:
                self._direction, self._next_refresh = self._guides(), step + self.settings.refresh
            if self._derivative is None:
                self._derivative = suitable_derivative(model, batch, self._direction, token_losses)
            found = self._derivative(model, batch, self._direction, token_losses)
        real = (batch.labels != IGNORED).cpu().numpy()
        alignments, labels = found.double().cpu().numpy()[real], batch.labels.cpu().numpy()[real]
        kept = self._guard.keep(labels, alignments, self.settings.threshold)
        self._note(step, batch.positions, real, kept)
        stay = np.zeros(real.shape, dtype=np.float32)
        stay[real] = kept
        return torch.from_numpy(stay).to(weights)

    def _guides(self) -> Vector:
        """The gradient of some of the guide's texts."""
        chosen = self._random.permutation(len(self._trusted))[: self.settings.guide_batch].tolist()
        model: PreTrainedModel = self.model  # type: ignore[assignment]
        names = [name for name, each in model.named_parameters() if each.requires_grad]
        batches = (self._guide_batch(part) for part in in_parts(chosen, self.args.train_batch_size))
        return mean_gradient(model, batches, names, token_losses)

    def _guide_batch(self, chosen: list[int]) -> Batch:
        inputs = collate([self._trusted[each] for each in chosen], self._pads, self.args.device)
        return next_token_batch(chosen, inputs)

    def _note(self, step: int, places: list[int], real: np.ndarray, kept: np.ndarray) -> None:
        masked = np.zeros(real.shape, dtype=np.int64)
        masked[real] = ~kept
        for place, is_real, is_masked in zip(places, real, masked, strict=True):
            counts = self.shares[place]
            counts.seen[1:] += 1
            counts.masked[1:] += is_masked[is_real]
        self.steps.append({"step": step, "masked": int((~kept).sum()), "of": len(kept)})

    def _collated(self, places: Sequence[int]) -> dict[str, Tensor]:
        inputs = collate([self._texts.all[each] for each in places], self._pads)
        return {**inputs, "places": torch.tensor(places)}


class _Texts(Dataset[int]):
    """Places of the texts that have something to predict."""

    def __init__(self, texts: Sequence[TokenIds]) -> None:
        self.all = texts
        self._places = [place for place, each in enumerate(texts) if len(each) > 1]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> int:
        return self._places[index]


def next_token_batch(places: list[int], inputs: dict[str, Tensor]) -> Batch:
    """A batch whose labels int64 (B, L - 1) are the tokens that follow, `IGNORED` beside a padding."""
    present = inputs["attention_mask"].bool()
    labels = inputs["input_ids"][:, 1:].masked_fill(~(present[:, 1:] & present[:, :-1]), IGNORED)
    return Batch(places, {n: each for n, each in inputs.items() if n != "places"}, labels)
