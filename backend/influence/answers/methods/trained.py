"""TracIn at the parameters that the run trained: adapters and head, or all weights."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from backend.influence.answers.features import Extract, FeatureKind
from backend.influence.answers.methods.layers import LayerMethod
from backend.influence.gradients.capture import Batch
from backend.influence.gradients.parameters import summed_gradient, trained_parameters
from backend.influence.gradients.sketch import SIZE, Sketch


def extract_from(models: Sequence[PreTrainedModel]) -> Extract:
    """Sketched gradients at what differs between the first and the last of ``models``."""
    names = trained_parameters(models)
    sketch = Sketch({name: each.shape for name, each in models[-1].named_parameters() if name in names})

    def extract(model: PreTrainedModel, inputs: dict[str, Tensor], labels: Tensor) -> list[Tensor]:
        return [sketched_gradients(model, names, sketch, inputs, labels)]

    return extract


def sketched_gradients(
    model: PreTrainedModel,
    names: Collection[str],
    sketch: Sketch,
    inputs: dict[str, Tensor],
    labels: Tensor,
) -> Tensor:
    """Gradients of each example's loss at the parameters of ``names``, sketched: float32 (B, size).

    One pass an example: the sum over a batch can't be taken apart again.
    """
    found = []
    for place in range(len(labels)):
        one = {name: each[place : place + 1] for name, each in inputs.items()}
        found.append(sketch.of(summed_gradient(model, Batch([place], one, labels[place : place + 1]), names)))
    return torch.stack(found)


METHODS = (
    LayerMethod(
        "trained",
        "all trained parameters, sketched",
        f"sum_c eta_c <S g_c(x), S g_c(q)>, g over what the run trained, S to {SIZE} places",
        "Pruthi et al. 2020, TracInCP; Xia et al. 2024 (LESS) for adapters and projection",
        "one backward pass for each training example and checkpoint, once; then milliseconds",
        "no words; the sketch blurs scores a little",
        FeatureKind("trained", extract_from, 1),
    ),
)
