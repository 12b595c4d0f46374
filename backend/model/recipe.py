"""A recipe changes how a training weighs and draws its rows; model, optimizer and schedule stay the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Sampler
from transformers import PreTrainedModel, PreTrainedTokenizerFast, Trainer

from backend.model.token_losses import language_loss
from backend.model.tokenization import TokenIds
from backend.tasks.heads import CAUSAL_LM
from backend.tasks.registry import task_of


@dataclass(frozen=True)
class TrainingContext:
    """What a recipe sees when a training starts.

    ``rows`` int64 (n): the place of each example trained on among the texts given, which lack those without
    a token; ``labels`` (n, ...): targets as losses take them, such as class indices; ``steps``: of the whole
    training; ``max_length``: tokens of a text that the model sees.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    examples: Sequence[TokenIds]
    rows: np.ndarray
    labels: np.ndarray
    classes: Sequence[str]
    batch_size: int
    steps: int
    max_length: int
    seed: int
    device: torch.device


class Recipe:
    """The plain training: every row once an epoch, all of equal weight. Subclasses change one or both.

    ``draws``: whether `order` says which examples come next. ``per_batch``: whether weights count within
    their batch, of which they take the weighted mean; else over all examples, and their mean is 1.
    """

    draws = False
    per_batch = True

    def start(self, context: TrainingContext) -> None:
        """Called once, before the first step."""

    def order(self) -> Iterator[int]:
        """Places of the examples of an epoch, as many as there are, drawn one after the other.

        The next batch is drawn before the step of the one at hand has been made.
        """
        raise NotImplementedError

    def weights(self, step: int, places: np.ndarray, inputs: dict[str, Tensor]) -> Tensor | None:
        """Weights float32 (B) of a batch's losses, of which the weighted mean is taken; None: all equal.

        Args:
            step: from 0. places: int64 (B), which examples. inputs: what the model takes.
        """
        return None

    def log(self) -> dict[str, Any]:
        """What happened, ready for JSON; asked after the last step."""
        return {}


class RecipeTrainer(Trainer):
    """A Trainer that follows a recipe. Its collator gives ``places`` int64 (B) beside the model's inputs."""

    def __init__(self, recipe: Recipe, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._recipe = recipe

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Weighted mean of the batch's losses, of a language model's those of its tokens; plain where there
        are no weights, or none counts.

        ``num_items_in_batch`` is not looked at: trainings here take one batch a step, and their loss is its
        mean. With gradients accumulated over several batches it would have to be the divisor.
        """
        given = dict(inputs)
        places, labels = given.pop("places").cpu().numpy(), given["labels"]
        weights = self._recipe.weights(self.state.global_step, places, given)
        if task_of(model).name == CAUSAL_LM:
            del given["labels"]
            whole: Any = model
            with self.accelerator.autocast():
                loss = language_loss(whole, given, labels, weights, self._recipe.per_batch)
            return (loss, None) if return_outputs else loss
        outputs = model(**{name: each for name, each in given.items() if name != "labels"})
        losses = task_of(model).losses(outputs.logits.float(), labels)
        if weights is None:
            loss = losses.mean()
        elif self._recipe.per_batch:
            loss = weighted_mean(losses, weights.to(losses))
        else:
            loss = (losses * weights.to(losses)).mean()
        return (loss, outputs) if return_outputs else loss

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        if not self._recipe.draws:
            return super()._get_train_sampler(train_dataset)
        return _Order(self._recipe, self.train_dataset)  # type: ignore[arg-type]


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Sum of weighted losses over the sum of weights (B); the plain mean where all weights are 0."""
    total = weights.sum()
    return (losses * weights).sum() / total if float(total) > 0 else losses.mean()


class _Order(Sampler[int]):
    """The recipe's order, as long as the examples are many."""

    def __init__(self, recipe: Recipe, examples: Sized) -> None:
        self._recipe, self._length = recipe, len(examples)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[int]:
        return self._recipe.order()
