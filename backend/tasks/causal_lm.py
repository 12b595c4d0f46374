"""The next token, at every position that is learnt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backend.data.messages import shown_name
from backend.data.targets.space import Space
from backend.errors import InputError
from backend.manifest import TaskName
from backend.tasks.heads import CAUSAL_LM
from backend.tasks.task import Choice, Figure, FigureNames, Judged, ProblemType, View, named_figures

if TYPE_CHECKING:
    from torch import Tensor

IGNORED = -100
"""The label of a token that is not trained on, as in transformers."""
ANSWER = "answer"


def next_token_losses(logits: Tensor, following: Tensor) -> Tensor:
    """Cross-entropy of the token that follows each position: (B, L), 0 where it is `IGNORED`.

    From logits (B, L, V) and the tokens that follow, int64 (B, L).
    """
    from torch.nn.functional import cross_entropy

    # As (B, V, L) logits would be copied, which takes 1.4 times as long.
    rows, targets = logits.flatten(0, 1), following.flatten()
    return cross_entropy(rows, targets, reduction="none", ignore_index=IGNORED).view_as(following)


def followers(labels: Tensor) -> Tensor:
    """The label that follows each position, `IGNORED` at the last: int64 (B, L) from (B, L)."""
    from torch.nn.functional import pad

    return pad(labels[:, 1:], (0, 1), value=IGNORED)


class CausalLM:
    """Targets are the tokens themselves, int64 (B, L), `IGNORED` where a token is not in the loss.

    The loss of an example is the sum over its tokens that are learnt, in nats (design.md, 11.2). What a model
    says of a row, its outputs, are two numbers: that sum, and how many tokens it is over.
    """

    name: TaskName = CAUSAL_LM
    problem_type: ProblemType = ""
    view: View = "text"
    knows_right = False
    goes_by = "likelihood"
    headline = "loss_per_token"
    figure_names: FigureNames = (
        ("loss_per_token", "Loss per token", "low"),
        ("perplexity", "Perplexity", "low"),
        ("likelihood", "Log-likelihood per token", "high"),
    )

    def losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The sum of each example's token losses: (B) from logits (B, L, V) and targets (B, L)."""
        return next_token_losses(logits, followers(targets)).sum(dim=1)

    def head_bias(self, targets: np.ndarray) -> np.ndarray | None:
        """None: no head is new."""
        return None

    def residuals(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """None is defined: outputs are no logits."""
        raise NotImplementedError("outputs of a language model are losses, which have no residuals")

    def probe(self, outputs: int) -> np.ndarray:
        """The row's own target, twice."""
        return np.zeros(2, dtype=np.int64)

    def record(self, logits: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """``loss`` per token float32, and how many ``tokens`` it is the mean of, from outputs (n, 2)."""
        return {"loss": _per_token(logits).astype(np.float32), "tokens": logits[:, 1].astype(np.float32)}

    def outputs(self, logits: np.ndarray) -> np.ndarray:
        """As they are."""
        return logits.astype(np.float32)

    def predicted(self, outputs: np.ndarray) -> np.ndarray:
        """Zeros: the row's own target."""
        return np.zeros(outputs.shape[:-1], dtype=np.int64)

    def judge(self, space: Space, outputs: np.ndarray, targets: list[str]) -> Judged:
        """No row is right or wrong; the loss is that per token."""
        return Judged([""] * len(targets), None, _per_token(outputs))

    def losses_of(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The sums."""
        return outputs[:, 0].astype(np.float64)

    def unknown(self, targets: np.ndarray, outputs: int) -> float:
        """Of nothing known, a nat more per token than a uniform guess among a thousand words."""
        return math.log(1000) + 1

    def margins(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The log-likelihood of the row's target."""
        return -outputs[:, 0].astype(np.float64)

    def support(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The geometric mean of the probabilities of its tokens."""
        return np.exp(-_per_token(outputs))

    def choices(self, space: Space, outputs: np.ndarray) -> list[Choice]:
        """Why the answer."""
        value = float(self.support(outputs[None], np.zeros(1, dtype=np.int64))[0])
        return [
            Choice(
                ANSWER,
                "why this answer",
                0,
                value,
                "made this answer more likely",
                "made this answer less likely",
            )
        ]

    def choice(self, space: Space, outputs: np.ndarray, name: str | None) -> Choice:
        """The answer; `InputError` for another name."""
        if name not in (None, ANSWER):
            raise InputError(f"--label {shown_name(str(name))}: a language model is asked about its answer")
        return self.choices(space, outputs)[0]

    def figures(self, space: Space, outputs: np.ndarray, targets: list[str]) -> list[Figure]:
        """Loss per token over all tokens of the rows, and its exponential."""
        tokens = float(outputs[:, 1].sum(dtype=np.float64))
        loss = float(outputs[:, 0].sum(dtype=np.float64)) / tokens if tokens else math.nan
        return named_figures(self.figure_names, loss, math.exp(min(loss, 700.0)), -loss)

    def doubt(self, space: Space, outputs: np.ndarray, targets: list[str]) -> str | None:
        """Where rows have no token to be learnt."""
        return None if outputs[:, 1].any() else "no token of the eval rows is in the loss"


def _per_token(outputs: np.ndarray) -> np.ndarray:
    """Mean losses, float64 (n), 0 where a row has no token in the loss."""
    loss, tokens = outputs[:, 0].astype(np.float64), outputs[:, 1]
    return np.divide(loss, tokens, out=np.zeros(len(loss)), where=tokens > 0)


TASK = CausalLM()
