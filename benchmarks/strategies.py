"""Training strategies on data whose faults are known: do they find them, and does it help?

    python -m benchmarks.strategies [mask tokens dga select prune] [--layers 6] [--rows 1500] [--seeds 3]
        [--set NAME=VALUE ...]

- ``mask``: TREC, 35 % of the training labels replaced by another class. How much more often are wrong rows
  masked than right ones, and is the last epoch's accuracy above plain training's?
- ``tokens``: a small GPT-2, trained on sentences of SST-2 for ten epochs, goes on with ``--rows`` others of
  which 20 % of the tokens are replaced. How much more often are these masked than right ones, and what is
  the loss on clean sentences, beside plain training?
- ``dga``: four sources of equal size: TREC as it is, TREC with 45 % wrong labels, sentences of SST-2 with
  labels drawn at random, TREC with shuffled labels. How much weight has the clean one?
- ``select``: a pool of which half is TREC and half SST-2, and TREC as the target: AUROC of the likeness for
  membership, and of telling two halves of the same data apart. Then the trial over sizes.
- ``prune``: TREC as it is, by ``--score`` (el2n): accuracy over the share that is kept, against random.

Everything is a workspace in ``HOME/strategies/`` and `retrain` as a user would call it; its trainings are
kept, so a stopped run goes on. Prints the reports and writes ``HOME/strategies/*.json``.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from backend.data.columns import Columns
from backend.data.equal_texts import equal_text_groups
from backend.experiments.mislabel import MislabelSettings, flip
from backend.model.training_settings import TrainingSettings
from backend.scores.context import Context
from backend.scores.producers.domain import domain_probabilities
from backend.scores.settings import ScoreSettings
from backend.trials.markdown import markdown
from backend.trials.run import RetrainSettings
from backend.trials.strategies.select import likeness
from backend.trials.strategies.strategy import StrategyContext, divided_eval
from backend.workspace import Workspace
from benchmarks.report import HOME, machine
from benchmarks.strategies_tokens import masked_tokens

SHARED = Path("../shared/data")
Row = dict[str, str]


def rows_of(file: str, count: int, seed: int = 0) -> list[Row]:
    """Training rows of a data set, drawn at random: text and label."""
    with gzip.open(SHARED / f"{file}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    rows = [row for row in rows if row["split"] == "train"]
    chosen = np.random.default_rng(seed).permutation(len(rows))[:count].tolist()
    return [{"text": rows[each]["text"], "label": rows[each]["label"]} for each in chosen]


def eval_rows() -> list[Row]:
    """TREC's test rows."""
    with gzip.open(SHARED / "trec.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [{"text": r["text"], "label": r["label"]} for r in rows if r["split"] != "train"]


def noisy(rows: list[Row], share: float) -> tuple[list[Row], np.ndarray]:
    """A share of the labels replaced by another class, and which, bool (n)."""
    labels = [row["label"] for row in rows]
    flipped = flip(labels, sorted(set(labels)), MislabelSettings(share, 0))
    wrong = np.array([one != other for one, other in zip(labels, flipped, strict=True)])
    return [{**row, "label": label} for row, label in zip(rows, flipped, strict=True)], wrong


def four_sources(count: int) -> list[Row]:
    """A quarter each."""
    part, random = count // 4, np.random.default_rng(1)
    trec = rows_of("trec", 3 * part)
    classes = sorted({row["label"] for row in trec})
    clean, broken, shuffled = trec[:part], noisy(trec[part : 2 * part], 0.45)[0], trec[2 * part :]
    mixed = random.permutation([row["label"] for row in shuffled]).tolist()
    other = [{**row, "label": str(random.choice(classes))} for row in rows_of("sst2_sentences", part)]
    return [
        *({**row, "source": "clean"} for row in clean),
        *({**row, "source": "45 % wrong"} for row in broken),
        *({**row, "source": "other domain"} for row in other),
        *({**row, "label": label, "source": "shuffled"} for row, label in zip(shuffled, mixed, strict=True)),
    ]


def workspace_of(name: str, make: Callable[[], list[Row]], options: argparse.Namespace) -> Workspace:
    """A trained workspace of training rows and TREC's test rows, made where it is missing."""
    path = options.home / f"{name}-{options.rows}-{options.layers}-{options.epochs:g}"
    if not path.exists():
        rows = make()
        group = "source" if "source" in rows[0] else None
        every = [{"id": f"t{n}", "split": "train", **row} for n, row in enumerate(rows)]
        every += [{"id": f"e{n}", "split": "test", "source": "", **row} for n, row in enumerate(eval_rows())]
        source = options.home / f"{name}.jsonl"
        source.write_text("".join(json.dumps(row) + "\n" for row in every), encoding="utf-8")
        columns = Columns(text="text", label="label", id="id", split="split", group=group)
        Workspace.create(
            path, train=str(source), eval=None, columns=columns, model="minilm", layers=options.layers
        )
    workspace = Workspace.open(path)
    if not workspace.manifest.checkpoints:
        settings = TrainingSettings(epochs=options.epochs, lr=1e-4, checkpoints=2)
        workspace.train(settings, _say)
    return workspace


def trial(workspace: Workspace, strategy: str, options: argparse.Namespace, **chosen: str) -> dict[str, Any]:
    """The report of `retrain --strategy`."""
    chosen |= dict(each.split("=", 1) for each in options.set)
    settings = RetrainSettings(seeds=options.seeds, strategy=strategy, options=chosen)
    content = workspace.trials.run(settings, _say)
    print("\n" + markdown(content))
    for arm in content["arms"]:
        if "verdict" in arm:
            print(f"{arm['name']}: {arm['verdict']}")
    return content


def mask(options: argparse.Namespace) -> dict[str, Any]:
    """Masked shares of wrong and right rows."""
    _, wrong = noisy(rows_of("trec", options.rows), 0.35)
    workspace = workspace_of("mask", lambda: noisy(rows_of("trec", options.rows), 0.35)[0], options)
    content = trial(workspace, "mask", options)
    (arm,) = [each for each in content["arms"] if each["name"] == "masked"]
    shares = np.array([_by_row(logs[0]["masked_share"], len(wrong)) for logs in arm["logs"]])
    of_wrong, of_right = shares[:, wrong].mean(axis=1), shares[:, ~wrong].mean(axis=1)
    print(f"masked: wrong rows {of_wrong.mean():.2f}, right rows {of_right.mean():.2f}")
    return {"report": content, "masked_wrong": of_wrong.tolist(), "masked_right": of_right.tolist()}


def _by_row(shares: dict[str, float], count: int) -> np.ndarray:
    found = np.zeros(count)
    for row, share in shares.items():
        found[int(row)] = share
    return found


def tokens(options: argparse.Namespace) -> dict[str, Any]:
    """Masked shares of replaced and other tokens, and the loss on clean sentences, for each seed."""
    found = [masked_tokens(options.rows, seed) for seed in range(options.seeds)]
    for name in found[0]:
        print(f"{name}: " + ", ".join(f"{each[name]:.3f}" for each in found))
    return {"seeds": found}


def dga(options: argparse.Namespace) -> dict[str, Any]:
    """Weights of the sources."""
    workspace = workspace_of("dga", lambda: four_sources(options.rows), options)
    content = trial(workspace, "dga", options)
    (arm,) = [each for each in content["arms"] if each["name"] == "aligned"]
    weights = [logs[0]["weights"] for logs in arm["logs"]]
    for name in weights[0]:
        print(f"weight of {name}: {np.mean([each[name] for each in weights]):.2f}")
    return {"report": content, "weights": weights}


def select(options: argparse.Namespace) -> dict[str, Any]:
    """AUROC of membership, and the trial."""

    def pool() -> list[Row]:
        trec = rows_of("trec", options.rows // 2)
        classes = sorted({row["label"] for row in trec})
        random = np.random.default_rng(1)
        other = rows_of("sst2_sentences", options.rows // 2)
        return [*trec, *({**row, "label": str(random.choice(classes))} for row in other)]

    workspace = workspace_of("select", pool, options)
    same = workspace_of("same", lambda: rows_of("trec", options.rows), options)
    ours = np.arange(len(workspace.train_split)) < options.rows // 2
    of_pool = float(roc_auc_score(ours, _likeness(workspace)))
    of_same = _told_apart(same)
    print(f"AUROC of pool membership {of_pool:.3f}; of two random halves of the same data {of_same:.3f}")
    return {"auroc_pool": of_pool, "auroc_same": of_same, "report": trial(workspace, "select", options)}


def _likeness(workspace: Workspace) -> np.ndarray:
    context = Context(workspace.folder, ScoreSettings(), workspace.explainer)
    strata = workspace.space.strata(workspace.eval_split.labels)
    return likeness(StrategyContext(context, *divided_eval(strata, 0.3, 0)), "domain")[0]


def _told_apart(workspace: Workspace) -> float:
    """Two random halves of the training rows, one in the target's place: AUROC of telling them apart."""
    context = Context(workspace.folder, ScoreSettings(), workspace.explainer)
    halves = (np.random.default_rng(2).random(len(context.train)) < 0.5).astype(np.int64)
    groups = equal_text_groups(context.train.examples)
    return float(roc_auc_score(halves, domain_probabilities(context.embeddings, halves, groups, 5, 0)))


def prune(options: argparse.Namespace) -> dict[str, Any]:
    """The curve."""
    workspace = workspace_of("same", lambda: rows_of("trec", options.rows), options)
    workspace.scores.compute([options.score])
    return {"report": trial(workspace, "prune", options, score=options.score)}


def _say(stage: str, done: int, total: int) -> None:
    if stage == "trainings":
        print(f"{done} of {total} trainings", flush=True)


TRIALS = {each.__name__: each for each in (mask, tokens, dga, select, prune)}


def main() -> None:
    """Run the trials."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("trials", nargs="*", default=list(TRIALS))
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--score", default="el2n")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="options of the strategy")
    parser.add_argument("--home", type=Path, default=HOME / "strategies")
    options = parser.parse_args()
    options.home.mkdir(parents=True, exist_ok=True)
    for name in options.trials:
        content = {"machine": machine(), **TRIALS[name](options)}
        (options.home / f"{name}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
