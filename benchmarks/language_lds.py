"""Which score of a language model says best what retraining shows? (LDS, Park et al. 2023)

    python -m benchmarks.language_lds [trec sst2 answers] [--halves 50] [--queries 100] [--rows N] [--out DIR]

A model of two layers and width 64 learns, from scratch, short texts of `shared/data`: questions (TREC, tied
tables), sentences (SST-2, untied), or answers to questions (TREC: the kind of thing that is asked for, in
words; prompts are not in the loss). It is a workspace like others; its scores, side by side and together,
with and without the template's tokens, are held against models trained on random halves, beside TF-IDF, BM25,
shared n-grams, length, loss and chance. Trainings are kept in DIR: a stopped call goes on.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel, PreTrainedTokenizerFast

from backend.data.columns import Columns
from backend.data.conversation_text import plain_texts
from backend.data.dataset import load_split
from backend.evaluation.lds import GroundTruth, Lds, scored
from backend.influence.answers.about_answer import asked_channels
from backend.influence.answers.explain import Explainer
from backend.influence.gradients.traced import TracedExample
from backend.influence.index.modes import score_mode
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.model.checkpoints import FoundCheckpoint
from backend.model.loading import load_tokenizer
from backend.model.prediction import predict
from backend.model.recorded_checkpoints import record_checkpoints
from backend.model.token_labels import token_labels
from backend.model.tokenization import TokenIds, collate, encode_ids
from backend.tasks.causal_lm import TASK
from backend.workspace import Workspace

SHARED = Path("../shared/data")
_LENGTH, _BATCH, _RATE, _CHECKPOINTS = 64, 32, 2e-3, 5
_KINDS = {
    "ABBREVIATION": "an abbreviation",
    "ENTITY": "a thing",
    "DESCRIPTION": "a description",
    "HUMAN": "a person",
    "LOCATION": "a place",
    "NUMERIC": "a number",
}


@dataclass(frozen=True)
class Source:
    """``file`` of the shared data; how many rows to learn, in so many ``epochs``."""

    file: str
    rows: int
    epochs: int
    tied: bool
    answers: bool = False


SOURCES = {
    "trec": Source("trec", 1500, 10, True),
    "sst2": Source("sst2_sentences", 1200, 10, False),
    "answers": Source("trec", 1500, 10, True, answers=True),
}


def rows_of(source: Source, queries: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Rows to learn and rows to ask about, drawn by a seed."""
    with gzip.open(SHARED / f"{source.file}.jsonl.gz", "rt", encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    order = np.random.default_rng(0).permutation(len(found))[: source.rows + queries]
    made = [_row(found[each], source.answers) for each in order.tolist()]
    return made[: source.rows], made[source.rows :]


def _row(row: dict[str, Any], answers: bool) -> dict[str, str]:
    if not answers:
        return {"text": row["text"]}
    kind = _KINDS.get(row["label"], row["label"].lower())
    fine = str(row["meta"]["fine"]).partition(":")[2]
    return {"prompt": row["text"] + "\n", "completion": f"It asks for {kind}, more exactly {fine}."}


def untrained(folder: Path, texts: Sequence[str], tied: bool, length: int = _LENGTH) -> Path:
    """A model of two layers with a tokenizer of these texts, that reads so many tokens."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    special = ["<|end|>", "<|pad|>", "<|unk|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    inner.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=2000, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        ),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=special[0], pad_token=special[1], unk_token=special[2]
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=length,
        tie_word_embeddings=tied,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def fit(
    start: Path,
    tokenizer: PreTrainedTokenizerFast,
    examples: Sequence[TokenIds],
    epochs: int,
    seed: int,
    saved: Callable[[PreTrainedModel, int, int], None] | None = None,
) -> PreTrainedModel:
    """Train with AdamW at a constant rate; ``saved`` gets the model at every fifth of the steps."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(start, attn_implementation="eager").train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE)
    random, step = np.random.default_rng(seed), 0
    total = epochs * -(-len(examples) // _BATCH)
    for _ in range(epochs):
        order = random.permutation(len(examples))
        for begin in range(0, len(order), _BATCH):
            some = [examples[each] for each in order[begin : begin + _BATCH].tolist()]
            labels = token_labels(some)
            logits = model(**collate(some, tokenizer), use_cache=False).logits
            loss = TASK.losses(logits, labels).sum() / (labels >= 0).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            if saved is not None and step * _CHECKPOINTS % total < _CHECKPOINTS:
                saved(model, step, total)
    return model.eval()


def workspace_of(name: str, source: Source, queries: int, out: Path) -> Workspace:
    """The workspace: made, trained and precomputed, unless it is there."""
    home = out / name
    if (home / "ws" / "workspace.json").is_file():
        workspace = Workspace.open(home / "ws")
        if workspace.manifest.artifacts.get("index"):
            return workspace
        raise SystemExit(f"{home}: half made; delete it")
    train, evaluated = rows_of(source, queries)
    home.mkdir(parents=True, exist_ok=True)
    for file, rows in (("train", train), ("eval", evaluated)):
        (home / f"{file}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    texts = [" ".join(each.values()) for each in train]
    model = untrained(home / "model", texts, source.tied)
    first, second = ("prompt", "completion") if source.answers else ("text", "text")
    workspace, _ = Workspace.create(
        home / "ws",
        train=str(home / "train.jsonl"),
        eval=str(home / "eval.jsonl"),
        columns=Columns(first, second, task="causal-lm", form="pair" if source.answers else "text"),
        model=str(model),
        max_length=_LENGTH,
    )
    tokenizer = load_tokenizer(model)
    examples = encode_ids(tokenizer, load_split(workspace.folder, "train").examples, _LENGTH)
    found: list[FoundCheckpoint] = []

    def save(model: PreTrainedModel, step: int, total: int) -> None:
        path = workspace.folder.path / "runs" / f"checkpoint-{step}"
        model.save_pretrained(path)
        tokenizer.save_pretrained(path)
        found.append(FoundCheckpoint(path, step, step / total * source.epochs, _RATE, None))

    fit(model, tokenizer, examples, source.epochs, 0, save)
    task = workspace.manifest.task
    record_checkpoints(workspace.folder, found, inside=True, task=task, max_length=_LENGTH)
    workspace = Workspace.open(workspace.folder.path)
    workspace.precompute(PrecomputeSettings(device="cpu", row_store="full"))
    return workspace


def ground_truth(name: str, source: Source, workspace: Workspace, halves: int, out: Path) -> GroundTruth:
    """Losses of the eval rows after training on random halves; what is there is read."""
    home = out / name
    tokenizer = load_tokenizer(home / "model")
    train, evaluated = (
        encode_ids(tokenizer, load_split(workspace.folder, split).examples, _LENGTH)
        for split in ("train", "eval")
    )
    random = np.random.default_rng(1)
    members = np.zeros((halves, len(train)), dtype=bool)
    margins = np.zeros((halves, len(evaluated)))
    for number, half in enumerate(members):
        half[random.permutation(len(train))[: len(train) // 2]] = True
        kept = home / "halves" / f"{number:03d}.npy"
        if not kept.is_file():
            started = time.perf_counter()
            some = [train[each] for each in np.flatnonzero(half).tolist()]
            model = fit(home / "model", tokenizer, some, source.epochs, 100 + number)
            kept.parent.mkdir(exist_ok=True)
            np.save(kept, predict(model, evaluated, tokenizer)[:, 0])
            print(f"{name}: half {number + 1} of {halves}, {time.perf_counter() - started:.0f} s", flush=True)
        margins[number] = -np.load(kept)
    return GroundTruth(members, margins, list(range(len(evaluated))))


def gradient_scores(explainer: Explainer, queries: Sequence[TracedExample]) -> dict[str, np.ndarray]:
    """Scores float64 (q, n) by sides and modes."""
    found = {}
    channels = explainer.checkpoints.channels
    chosen = [("read", False), ("written", False), ("both", False), ("both", True)]
    modes: list[tuple[str, float | None]] = [("dot", None), ("train-normalised", None), ("fisher", None)]
    modes += [("kfac", None), *(("ekfac", damping) for damping in (0.1, 1.0, 10.0)), ("whitened", None)]
    for side, template in chosen:
        mask = asked_channels(channels, side, template)
        searcher = explainer.searcher.on(mask)
        for name, damping in modes:
            mode = score_mode(name, damping)
            scores = []
            for query in queries:
                only = query.on(mask)
                norm = explainer.checkpoints.norm(only.slots, only.tokens, only.position_rows)
                scores.append(searcher.scores(searcher.ask(replace(only, norm=norm), mode), mode))
            told = f"{side}{' + template' if template else ''} {name}{f' {damping:g}' if damping else ''}"
            found[told] = np.stack(scores)
    return found


def text_scores(workspace: Workspace, losses: np.ndarray) -> dict[str, np.ndarray]:
    """Baselines float64 (q, n) that know texts only, and two that know nothing of the query."""
    train, queries = (
        plain_texts(load_split(workspace.folder, split).examples) for split in ("train", "eval")
    )
    found = {}
    for name, ngrams in (("TF-IDF words", (1, 1)), ("TF-IDF words and bigrams", (1, 2))):
        fitted = TfidfVectorizer(ngram_range=ngrams, token_pattern=r"\w+")
        found[name] = (fitted.fit_transform(train) @ fitted.transform(queries).T).toarray().T
    shared = TfidfVectorizer(ngram_range=(3, 5), token_pattern=r"\w+", use_idf=False, norm=None, binary=True)
    found["shared n-grams of 3 to 5 words"] = (
        (shared.fit_transform(train) @ shared.transform(queries).T).toarray().T
    )
    index = bm25s.BM25()
    index.index(bm25s.tokenize(train, stopwords=[], show_progress=False), show_progress=False)
    asked = bm25s.tokenize(queries, stopwords=[], return_ids=False, show_progress=False)
    found["BM25"] = np.stack([index.get_scores(each) for each in asked])
    lengths = np.array([len(each) for each in train], dtype=np.float64)
    random = np.random.default_rng(2)
    found["length"] = np.tile(lengths, (len(queries), 1)) + 1e-9 * random.standard_normal((len(queries), 1))
    found["loss"] = np.tile(losses, (len(queries), 1))
    found["chance"] = random.standard_normal((len(queries), len(train)))
    return found


def measured(name: str, queries: int, halves: int, rows: int | None, out: Path) -> list[Lds]:
    """LDS of every score, best first."""
    source = SOURCES[name] if rows is None else replace(SOURCES[name], rows=rows)
    workspace = workspace_of(name, source, queries, out)
    truth = ground_truth(name, source, workspace, halves, out)
    explainer = workspace.explainer("cpu")
    rows_asked = explainer.splits["eval"].examples
    traced = explainer.checkpoints.trace(
        explainer.checkpoints.encode(rows_asked), [0] * len(rows_asked), everywhere=True
    )
    losses = explainer.predictions("train").loss.astype(np.float64)
    scores = {**gradient_scores(explainer, traced), **text_scores(workspace, losses)}
    found = [scored(each, values, truth) for each, values in scores.items()]
    found.append(_ceiling(truth))
    return sorted(found, key=lambda each: -each.mean)


def _ceiling(truth: GroundTruth) -> Lds:
    """What a sum over rows can reach at most on these halves: fitted to the other half of them, ridge."""
    half = len(truth.halves) // 2
    first = truth.halves[:half] - 0.5
    solved = first.T @ np.linalg.solve(first @ first.T + 10 * np.eye(half), truth.margins[:half])
    rest = GroundTruth(truth.halves[half:], truth.margins[half:], truth.places)
    return scored("fitted to the other halves (ridge)", solved.T, rest)


def main() -> None:
    """Measure and print a table for each source."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sources", nargs="*", default=list(SOURCES), choices=[*SOURCES, []])
    parser.add_argument("--halves", type=int, default=50)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--out", type=Path, default=Path("cache/bench/language_lds"))
    options = parser.parse_args()
    for name in options.sources:
        found = measured(name, options.queries, options.halves, options.rows, options.out)
        print(f"\n{name}, {options.halves} halves, {options.queries} queries\n")
        print("| score | LDS | 95 % |\n|---|---|---|")
        for each in found:
            print(f"| {each.variant} | {each.mean:.3f} | {each.low:.3f} to {each.high:.3f} |", flush=True)
        plain = {each.variant: each.mean for each in found}
        (options.out / name / "lds.json").write_text(json.dumps(plain, indent=1))


if __name__ == "__main__":
    main()
