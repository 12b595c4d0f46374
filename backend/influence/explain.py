"""`explain`: from a text or a row to its most influential training examples."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from backend.data.dataset import Split, load_split
from backend.errors import InputError
from backend.folder import Folder
from backend.influence.entries import EntryBuilder
from backend.influence.exact import exact_rows, rescore, shortlist_size
from backend.influence.explanation import Entry, Excluded, Explanation, Query
from backend.influence.index import TARGET_RECALL
from backend.influence.loading import open_searcher
from backend.influence.modes import MODES, ScoreMode, score_mode
from backend.influence.search import Ranked, Ranking, summed_terms
from backend.influence.settings import TraceSettings
from backend.influence.store import ExampleRows
from backend.influence.tracing import Checkpoints, TracedExample
from backend.model.fingerprint import require_unchanged

METHODS = ("we",)
SCORES = tuple(MODES)
SplitName = Literal["train", "eval"]


@dataclass(frozen=True)
class Question:
    """What to explain: a typed text (and text_b), or a row's id; for ``label`` or the predicted class."""

    text: str | None = None
    text_b: str | None = None
    row: str | None = None
    split: SplitName | None = None
    label: str | None = None
    k: int = 10
    exact: bool = False
    method: str = "we"
    score: str = "dot"


@dataclass(frozen=True)
class _Found:
    """What a search found, and the query and rows that it was scored with."""

    mode: ScoreMode
    traced: TracedExample
    query: TracedExample
    rows: Sequence[ExampleRows]
    ranking: Ranking


class Explainer:
    """Answers questions about one workspace; models, rows and index are loaded once and kept."""

    def __init__(self, folder: Folder, settings: TraceSettings | None = None) -> None:
        """`InputError` if the workspace has not been precomputed or its artifacts are stale or damaged."""
        self.folder = folder
        self.index_artifact = folder.require("index", "precompute")
        require_unchanged(folder)
        settings = settings or TraceSettings()
        self.checkpoints = Checkpoints(folder, settings)
        self.searcher, self.index_info = open_searcher(
            folder, self.checkpoints.vocabulary, settings.torch_device
        )

    @cached_property
    def splits(self) -> dict[SplitName, Split]:
        """Both splits."""
        return {"train": load_split(self.folder, "train"), "eval": load_split(self.folder, "eval")}

    def explain(self, question: Question) -> Explanation:
        """Proponents and opponents of the question, word by word."""
        self._check(question)
        split, position, texts, given = self._resolve(question)
        start = time.perf_counter()
        encoded = self.checkpoints.encode([texts[0]], [texts[1]] if len(texts) > 1 else None)[0]
        probabilities = self.checkpoints.probabilities([encoded])[0]
        classes = self.checkpoints.manifest.classes
        predicted = classes[int(probabilities.argmax())]
        label = question.label or predicted
        traced = self.checkpoints.trace([encoded], [classes.index(label)])[0]
        gradient_done = time.perf_counter()
        own = position if split == "train" else None
        found = self._search(question, traced, own)
        search_done = time.perf_counter()
        proponents, opponents = self._entries(found, texts, own)
        query = Query(
            text=texts[0],
            text_b=texts[1] if len(texts) > 1 else None,
            label=label,
            predicted=predicted,
            probabilities={name: float(value) for name, value in zip(classes, probabilities, strict=True)},
            row=question.row,
            split=split,
            given=given,
            truncated=encoded.truncated,
        )
        elapsed = (gradient_done - start, search_done - gradient_done, time.perf_counter() - start)
        return Explanation(
            query=query,
            method=question.method,
            score=question.score,
            exact=question.exact,
            n_train=len(self.splits["train"]),
            n_scored=found.ranking.n_scored,
            elapsed_ms=dict(
                zip(("gradient", "search", "total"), (round(1000 * each, 1) for each in elapsed), strict=True)
            ),
            proponents=proponents,
            opponents=opponents,
            excluded=self._excluded(question, found, own, label, given),
            notes=self._notes(found, own),
        )

    def _search(self, question: Question, traced: TracedExample, own: int | None) -> _Found:
        mode, searcher, k = score_mode(question.score), self.searcher, question.k
        query = searcher.ask(traced, mode)
        if not question.exact:
            ranking = searcher.top(query, mode, k, exclude=own)
            return _Found(mode, traced, query, searcher.stores, ranking)
        shortlist = searcher.top(query, mode, shortlist_size(k), scan=True, exclude=own)
        query = searcher.in_full(query, traced, mode)
        ranking, rows = rescore(self.checkpoints, self.splits["train"], query, mode, shortlist, k)
        return _Found(mode, traced, query, rows, ranking)

    def _check(self, question: Question) -> None:
        if question.method not in METHODS:
            raise InputError(f"--method {question.method}: must be one of {', '.join(METHODS)}")
        score_mode(question.score)
        if question.k < 1:
            raise InputError(f"-k {question.k}: must be at least 1")
        classes = self.checkpoints.manifest.classes
        if question.label is not None and question.label not in classes:
            raise InputError(f"--label {question.label}: unknown; the classes are {', '.join(classes)}")

    def _resolve(
        self, question: Question
    ) -> tuple[SplitName | None, int | None, tuple[str, ...], str | None]:
        """Split, position, texts and given label of what is asked about."""
        if question.text is None and question.row is None:
            raise InputError("explain: say what to explain: a text (--text) or the id of a row (--row)")
        if question.text is not None and question.row is not None:
            raise InputError("explain: give a text (--text) or a row (--row), not both")
        if question.row is not None:
            if question.text_b is not None:
                raise InputError("--text-b: belongs to --text; a row brings its own")
            split = self.find_row(question.row, question.split)
            rows = self.splits[split]
            position = rows.position(question.row)
            texts = (rows.texts[position], *([rows.texts_b[position]] if rows.texts_b else []))
            return split, position, texts, rows.labels[position]
        if question.split is not None:
            raise InputError("--split: says where --row lies; leave it out with --text")
        text = question.text or ""
        if not text.strip():
            raise InputError("--text: empty; type the sentence to explain")
        pair = self.checkpoints.manifest.data.text_b
        if pair and not (question.text_b or "").strip():
            raise InputError(f"--text-b: missing; this workspace explains pairs (second column: {pair})")
        if not pair and question.text_b is not None:
            raise InputError("--text-b: this workspace explains single texts; leave it out")
        return None, None, (text, question.text_b) if question.text_b else (text,), None

    def find_row(self, row: str, split: SplitName | None = None) -> SplitName:
        """The split that holds ``row``; `InputError` if none does, or both and ``split`` is not given."""
        names: list[SplitName] = [split] if split else ["eval", "train"]
        found = [name for name in names if self.splits[name].has(row)]
        if not found:
            raise InputError(f"--row {row}: no such id in {' or '.join(names)}")
        if len(found) > 1:
            raise InputError(f"--row {row}: in both splits; add --split train or --split eval")
        return found[0]

    def _entries(
        self, found: _Found, texts: tuple[str, ...], own: int | None
    ) -> tuple[list[Entry], list[Entry]]:
        builder = EntryBuilder(self.checkpoints, found.rows, self.splits["train"], found.query, texts)
        best, worst = found.ranking.proponents, found.ranking.opponents
        both = Ranked(
            np.concatenate([best.positions, worst.positions]),
            np.concatenate([best.terms, worst.terms]),
            np.concatenate([best.factors, worst.factors]),
        )
        ranks = [*range(1, len(best.positions) + 1), *range(1, len(worst.positions) + 1)]
        others = max(len(self.splits["train"]) - (own is not None) - 1, 1)
        below = [others - (rank - 1) for rank in ranks[: len(best.positions)]]
        below += [rank - 1 for rank in ranks[len(best.positions) :]]
        entries = builder.build(both, ranks, [100.0 * each / others for each in below])
        return entries[: len(best.positions)], entries[len(best.positions) :]

    def _excluded(
        self, question: Question, found: _Found, own: int | None, label: str, given: str | None
    ) -> Excluded | None:
        if own is None or question.row is None:
            return None
        place = np.array([own])
        if question.exact:
            rows, norms = exact_rows(self.checkpoints, self.splits["train"], place)
            terms = summed_terms(rows, found.query, place, self.checkpoints.vocabulary)
            score = float(terms.sum() * found.mode.factors(norms)[0])
        else:
            score = float(self.searcher.scored(found.query, found.mode, place).scores[0])
        return Excluded(question.row, score, self_influence=label == given)

    def _notes(self, found: _Found, own: int | None) -> list[str]:
        traced, ranking = found.traced, found.ranking
        notes = []
        if traced.encoded.truncated:
            notes.append(f"The text is cut off after {len(traced.encoded.input_ids)} tokens.")
        unknown = traced.encoded.input_ids.count(self.checkpoints.tokenizer.unk_token_id)
        if unknown:
            notes.append(
                f"{unknown} token(s) of the text are unknown to the tokenizer; they match any unknown token."
            )
        if not len(traced.tokens):
            notes.append("The tokenizer finds no tokens in this text: nothing can influence it.")
        elif not len(ranking.proponents.positions) and not len(ranking.opponents.positions):
            shared = any(moments.places(traced.tokens)[0].any() for moments in self.searcher.moments)
            notes.append(
                "All influences are 0: the gradients of this text, or of what shares a token with it, vanish."
                if shared
                else "No training example shares a token with this text."
            )
        if self.checkpoints.embeddings_frozen:
            notes.append("The word embeddings were frozen in training: scores follow no trained parameter.")
        if found.rows is self.searcher.stores:
            notes += self._storage_notes(found.mode)
        if found.mode.mixes_directions and any(codec.basis is not None for codec in self.searcher.codecs):
            notes.append("This score leaves out the directions that the row store has dropped.")
        if own is not None:
            notes.append("The row itself is a training example and is left out of the lists.")
        return notes + self._appended_notes(ranking)

    def _storage_notes(self, mode: ScoreMode) -> list[str]:
        """What precision, row store and index cost, where it is more than nothing."""
        rows = self.checkpoints.manifest.artifacts["rows"].details
        notes = []
        if rows["precision"] != "fp32":
            notes.append(f"The stored rows were computed in {rows['precision']}: scores carry its rounding.")
        recall = self.index_info.recall.get(mode.name, {"proponents": 0.0, "opponents": 0.0})
        lower = min(recall["proponents"], recall["opponents"])
        if lower < TARGET_RECALL:
            notes.append(f"The index finds {lower:.1%} of the true top 10 for this score; --exact finds all.")
        kept = rows.get("fidelity", {})
        lower = min(kept.get("recall_proponents", 1.0), kept.get("recall_opponents", 1.0))
        if lower < TARGET_RECALL:
            notes.append(
                f"Rows are stored as {rows['row_store']}: "
                f"on a sample, {lower:.1%} of the true top 10 stay in it."
            )
        return notes

    def _appended_notes(self, ranking: Ranking) -> list[str]:
        trained_on = self.checkpoints.manifest.artifacts["checkpoints"].details.get("trained_on")
        shown = np.concatenate([ranking.proponents.positions, ranking.opponents.positions])
        later = 0 if trained_on is None else int(np.count_nonzero(shown >= trained_on))
        if not later:
            return []
        return [f"{later} of these examples were appended after the training: the model has not seen them."]
