"""TracIn at other layers: the head, the layer beneath it, and a block in the middle."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from backend.folder import Folder
from backend.influence.answers.engine import Engine
from backend.influence.answers.features import (
    Extract,
    FeatureKind,
    Features,
    features_are_stored,
    features_of,
    query_norm,
    stored_features,
)
from backend.influence.answers.method import Asked
from backend.influence.answers.scanned import Scanned
from backend.influence.gradients.layers import LayerPass, below_head, head, layer_passes, middle_layers
from backend.progress import Progress, silent

PROJECTED = 16  # directions of each side of a middle layer's gradient


class LayerMethod(Scanned):
    """Dot products of gradients at one layer or block."""

    scores: tuple[str, ...] = ("dot", "train-normalised", "cosine")
    unnormalised: tuple[str, ...] = ("dot",)
    words = False

    def __init__(
        self,
        name: str,
        title: str,
        formula: str,
        source: str,
        cost: str,
        limits: str,
        kind: FeatureKind,
    ) -> None:
        self.name, self.title, self.formula, self.source = name, title, formula, source
        self.cost, self.limits, self.kind = cost, limits, kind

    def is_ready(self, folder: Folder) -> bool:
        """Whether the gradients are kept."""
        return features_are_stored(folder, self.kind)

    def prepare(self, engine: Engine, progress: Progress = silent) -> None:
        """Compute the gradients of all training examples."""
        self._features(engine, progress)

    def all_scores(self, asked: Asked) -> np.ndarray:
        """From the kept factors."""
        engine = asked.engine
        features = self._features(engine)
        query = self._query(asked)
        scores = features.products(query) if query else np.zeros(len(engine.train))
        if asked.score in self.unnormalised:
            return scores
        norms = engine.keep(f"{self.name} norms", features.norms)
        scores = np.divide(scores, norms, out=np.zeros(len(scores)), where=norms > 0)
        if asked.score == "cosine":
            norm = query_norm(query, features.weights)
            scores = scores / norm if norm > 0 else scores
        return scores

    def _query(self, asked: Asked) -> list[list[np.ndarray]]:
        return features_of(asked.engine, self.kind, asked.encoded, asked.target)

    def _features(self, engine: Engine, progress: Progress = silent) -> Features:
        return engine.keep(self.name, lambda: stored_features(engine, self.kind, progress))


def everywhere(extract: Extract) -> Callable[[Sequence[PreTrainedModel]], Extract]:
    """The same for all checkpoints, whatever they are."""
    return lambda models: extract


def one_layer(choose: Callable[[PreTrainedModel], nn.Module]) -> Extract:
    """Factors of a layer that sees each example once: the gradient at its output, and its input."""

    def extract(model: PreTrainedModel, inputs: dict[str, Tensor], labels: Tensor) -> list[Tensor]:
        (found,) = layer_passes(model, [choose(model)], inputs, labels)
        # A decoder applies its head everywhere, but only the last token's logits reach the loss.
        place = found.gradients.abs().sum(dim=-1).argmax(dim=1)
        rows = torch.arange(len(place), device=place.device)
        return [found.gradients[rows, place], found.inputs[rows, place]]

    return extract


def projected_layers(model: PreTrainedModel, inputs: dict[str, Tensor], labels: Tensor) -> list[Tensor]:
    """The gradients of the middle block's linear layers, each projected at random on both sides.

    ``sum_t (P_out b_t) (P_in a_t)^T``, side by side, as LoGra does (Choe et al. 2024); products keep their
    expectation.
    """
    passes = layer_passes(model, middle_layers(model), inputs, labels)
    return [torch.cat([_projected(each, number) for number, each in enumerate(passes)], dim=1)]


def _projected(layer: LayerPass, number: int) -> Tensor:
    inputs, gradients = layer.inputs, layer.gradients
    right = inputs @ _projection(inputs.shape[-1], 2 * number, inputs)
    left = gradients @ _projection(gradients.shape[-1], 2 * number + 1, inputs)
    return torch.einsum("bti,btj->bij", left, right).flatten(start_dim=1)


def _projection(size: int, seed: int, like: Tensor) -> Tensor:
    """Random directions (size, PROJECTED), the same in every run and on every device."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(size, PROJECTED, generator=generator) / PROJECTED**0.5).to(like.device)


METHODS = (
    LayerMethod(
        "last-layer",
        "last layer (TracIn-Last)",
        "sum_c eta_c (p_c(x) - y_x) . (p_c(q) - y_q) * (h_c(x) . h_c(q) + 1)",
        "Pruthi et al. 2020; Yeh et al. 2022, TR-Last",
        "one pass over the training data per checkpoint, once; then milliseconds",
        "no words; the same examples lead most lists",
        FeatureKind("last-layer", everywhere(one_layer(head)), 2),
    ),
    LayerMethod(
        "second-layer",
        "layer beneath the last",
        "sum_c eta_c <dW(x), dW(q)>, W the layer between blocks and head",
        "Yeh et al. 2022, TR-Second (appendix F)",
        "one pass over the training data per checkpoint, once; then milliseconds",
        "no words; not every model has such a layer",
        FeatureKind("second-layer", everywhere(one_layer(below_head)), 2),
    ),
    LayerMethod(
        "middle-layer",
        "middle block, projected",
        f"sum_c eta_c <P dW(x), P dW(q)>, W the middle block's linear layers, P to {PROJECTED} x {PROJECTED}",
        "Vitel & Chhabra 2026 for the layer; LoGra (Choe et al. 2024) for the projection",
        "one pass over the training data per checkpoint, once; then milliseconds",
        "no words; the projection blurs scores a little",
        FeatureKind("middle-layer", everywhere(projected_layers), 1),
    ),
)
