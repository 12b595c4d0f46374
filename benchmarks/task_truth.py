"""Are the answers about sets of labels and about numbers those of the dense definition?

    python -m benchmarks.task_truth WS [WS ...] [--queries 40] [--dense 4]

For precomputed workspaces of any task: for the first eval rows, how many of `--exact`'s ten first of each end
the default path finds (recall@10); and for a few of them, by autograd of the embedding's weight, one example
at a time, how far the scores of `--exact` (dot) lie from the definition.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel

from backend.data.examples import Examples
from backend.influence.answers.explanation import Explanation
from backend.model.loading import embedding_layer
from backend.model.model_inputs import accepted_inputs
from backend.model.tokenization import collate, encode
from backend.tasks.registry import task_of
from backend.workspace import Workspace


def dense_gradient(
    workspace: Workspace, model: PreTrainedModel, one: Examples, target: np.ndarray
) -> torch.Tensor:
    """d loss / d (embedding weight) of one example, float64 (V, d)."""
    checkpoints = workspace.explainer("cpu").checkpoints
    length = workspace.manifest.max_length or 512
    inputs = collate(encode(checkpoints.tokenizer, one, length), checkpoints.tokenizer)
    weight = embedding_layer(model).weight.requires_grad_(True)
    logits = model(**accepted_inputs(model, inputs)).logits.float()
    loss = task_of(model).losses(logits, torch.from_numpy(target)).sum()
    (found,) = torch.autograd.grad(loss, weight)
    weight.requires_grad_(False)
    return found.double()


def worst_error(workspace: Workspace, row: str) -> float:
    """Largest relative difference of a score of `--exact` from the definition, over its twenty entries."""
    answer = workspace.explain(row=row, exact=True, score="dot", device="cpu")
    checkpoints, space = workspace.explainer("cpu").checkpoints, workspace.space
    place = workspace.eval_split.position(row)
    outputs = np.array(list(answer.query.outputs.values()), dtype=np.float32)
    asked = np.asarray([workspace.task.choice(space, outputs, answer.query.label).number])
    asked = asked.astype(np.float32) if asked.dtype == np.float64 else asked
    entries = [*answer.proponents, *answer.opponents]
    total = np.zeros(len(entries))
    for model, eta in zip(checkpoints.models, checkpoints.weights.tolist(), strict=True):
        query = dense_gradient(workspace, model, workspace.eval_split.take([place]), asked)
        for number, entry in enumerate(entries):
            one = workspace.train_split.take([workspace.train_split.position(entry.id)])
            own = dense_gradient(workspace, model, one, space.numbers(one.targets))
            total[number] += eta * float((own * query).sum())
    scores = np.array([entry.score for entry in entries])
    return float(np.max(np.abs(scores - total) / np.abs(total)))


def recalls(quick: Explanation, exact: Explanation) -> list[float]:
    """Shares of the exact lists that the quick ones hold.

    By row, not by score: those of the quick lists are rounded as stored rows are.
    """
    found = []
    for ours, theirs in ((quick.proponents, exact.proponents), (quick.opponents, exact.opponents)):
        if theirs:
            known = {each.id for each in ours}
            found.append(sum(each.id in known for each in theirs) / len(theirs))
    return found


def main() -> None:
    """Print a line for each workspace."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspaces", nargs="+", type=Path)
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--dense", type=int, default=4)
    given = parser.parse_args()
    print(
        "| workspace | task | rows | recall@10, mean | least | dense, worst relative error | ms a question |"
    )
    print("|---|---|---|---|---|---|---|")
    for path in given.workspaces:
        workspace = Workspace.open(path)
        rows, found, times = workspace.eval_split.ids[: given.queries], [], []
        workspace.explain(row=rows[0], device="cpu")
        for row in rows:
            begun = time.perf_counter()
            quick = workspace.explain(row=row, device="cpu")
            times.append(1000 * (time.perf_counter() - begun))
            found += recalls(quick, workspace.explain(row=row, exact=True, device="cpu"))
        errors = [worst_error(workspace, row) for row in rows[: given.dense]]
        print(
            f"| {path.name} | {workspace.space.task} | {len(workspace.train_split):,} | {np.mean(found):.3f} "
            f"| {min(found):.2f} | {max(errors):.1e} | {statistics.median(times):.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
