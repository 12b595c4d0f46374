"""TracIn at the parameters that the run trained: adapters and head, or all weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from backend.errors import InputError
from backend.influence.answers.features import FeatureKind
from backend.influence.answers.method import Asked
from backend.influence.answers.methods.layers import LayerMethod
from backend.influence.answers.split_batches import example_batches
from backend.influence.gradients.adam_roots import adam_roots
from backend.influence.gradients.capture import Batch
from backend.influence.gradients.parameters import summed_gradient, trained_parameters
from backend.influence.gradients.sketch import SIZE, Sketch
from backend.model.adapters import has_adapter, trained_by_adapter


class Sketched:
    """Gradients at what differs between the first and the last of ``models``, in short."""

    def __init__(self, models: Sequence[PreTrainedModel]) -> None:
        if has_adapter(models[-1]) and trained_by_adapter(models[-1]) is None:
            raise InputError(
                "--method trained: the run adapted its word embeddings, so its adapters are merged into the "
                "model here, and what they trained is no parameter of it any more"
            )
        self.names = trained_parameters(models)
        weights = dict(models[-1].named_parameters())
        self.sketch = Sketch({name: weights[name].shape for name in self.names})

    def __call__(self, model: PreTrainedModel, inputs: dict[str, Tensor], labels: Tensor) -> list[Tensor]:
        """One factor, float32 (B, size): one pass an example, since a batch's sum can't be taken apart."""
        found = []
        for place in range(len(labels)):
            one = {name: each[place : place + 1] for name, each in inputs.items()}
            batch = Batch([place], one, labels[place : place + 1])
            found.append(self.sketch.of(summed_gradient(model, batch, self.names)))
        return [torch.stack(found)]


class TrainedParameters(LayerMethod):
    """Dot products of whole gradients as far as training followed them; ``adam``: along the steps it took.

    Of ``adam`` only the query's gradient is divided by the roots of the second moments, before the sketch:
    ``<S g(x), S D g(q)>`` has ``<g(x), D g(q)>`` as its expectation, too.
    """

    scores = (*LayerMethod.scores, "adam")
    unnormalised = ("dot", "adam")

    def _query(self, asked: Asked) -> list[list[np.ndarray]]:
        return super()._query(asked) if asked.score != "adam" else self._along_adam(asked)

    def _along_adam(self, asked: Asked) -> list[list[np.ndarray]]:
        engine, found = asked.engine, []
        sketched = cast(Sketched, self.kind.extract(engine))
        recorded = engine.checkpoints.manifest.checkpoints
        with engine.checkpoints.using():
            for batch in example_batches(engine, [asked.encoded], [asked.target]):
                for checkpoint, model in zip(recorded, engine.checkpoints.models, strict=True):
                    path = engine.folder.checkpoint_path(checkpoint)
                    roots = adam_roots(path, model, sketched.names)
                    gradient = summed_gradient(model, batch, sketched.names)
                    steps = {
                        name: gradient[name].float().cpu() / root  # type: ignore[union-attr]
                        for name, root in roots.items()
                        if gradient[name] is not None
                    }
                    found.append([sketched.sketch.of(steps).numpy()])
        return found


METHODS = (
    TrainedParameters(
        "trained",
        "all trained parameters, sketched",
        f"sum_c eta_c <S g_c(x), S g_c(q)>, g over what the run trained, S to {SIZE} places",
        "Pruthi et al. 2020, TracInCP; Xia et al. 2024 (LESS) for adapters, projection and Adam's direction",
        "one backward pass for each training example and checkpoint, once; then milliseconds",
        "no words; the sketch blurs scores a little",
        FeatureKind("trained", Sketched, 1),
    ),
)
