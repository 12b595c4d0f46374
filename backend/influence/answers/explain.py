"""`explain`: from a text or a row to its most influential training examples."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from backend.data.examples import Examples
from backend.errors import InputError
from backend.influence.answers.about_answer import AboutAnswer
from backend.influence.answers.asking_answers import ask_about_answer
from backend.influence.answers.engine import Engine
from backend.influence.answers.explanation import Entry, Excluded, Explanation, Histogram, Pair, Query
from backend.influence.answers.method import Asked, Found, Method
from backend.influence.answers.question import Question, SplitName, check_question, find_row, resolve_question
from backend.influence.answers.ranking import Ranked, Ranking
from backend.influence.answers.registry import DEFAULT_METHOD, method_named, score_named
from backend.influence.gradients.traced import TracedExample
from backend.influence.index.modes import MODES, no_damping, score_mode
from backend.influence.index.row_index import TARGET_RECALL
from backend.manifest import TRAINED_ON
from backend.model.tokenization import Encoded

BINS = 60


class Explainer(Engine):
    """Answers questions about one workspace."""

    def explain(self, question: Question) -> Explanation:
        """Proponents and opponents of the question, word by word where the method has words."""
        start = time.perf_counter()
        method, asked, query = self._ask(question)
        gradient_done = time.perf_counter()
        found = method.find(asked)
        search_done = time.perf_counter()
        proponents, opponents = self._entries(method, asked, found)
        elapsed = (gradient_done - start, search_done - gradient_done, time.perf_counter() - start)
        return Explanation(
            query=query,
            method=method.name,
            score=asked.score,
            exact=found.exact,
            n_train=len(self.train),
            n_scored=found.ranking.n_scored,
            elapsed_ms=dict(
                zip(("gradient", "search", "total"), (round(1000 * each, 1) for each in elapsed), strict=True)
            ),
            proponents=proponents,
            opponents=opponents,
            excluded=_excluded(question, found, query),
            notes=self._notes(method, asked, found),
            has_words=method.words,
        )

    def ask_everywhere(self, question: Question) -> Asked:
        """The question looked up and traced on every side; `InputError` where it makes no sense."""
        if self.checkpoints.language:
            about = replace(question.about or AboutAnswer(), side="both", template=True)
            question = replace(question, about=about)
        return self._ask(question)[1]

    def explain_pair(self, question: Question, train: str) -> Pair:
        """The question's influence on, and word by word with, one training row, wherever it ranks."""
        position = self.train.position(train)
        chosen = method_named(question.method)
        if not (chosen.words and chosen.scores_all):
            raise InputError(
                f"--method {chosen.name}: can't show any pair word by word; try {DEFAULT_METHOD}"
            )
        method, asked, query = self._ask(replace(question, exact=False))
        if asked.own == position:
            raise InputError(f"row {train}: a pair needs two rows, and this is one and the same")
        placed = method.place(asked, position)
        others = max(len(self.train) - (asked.own is not None) - 1, 1)
        share = [placed.percentile(others)]
        (entry,) = method.entries(asked, placed.found, placed.ranked, [placed.rank], share)
        return Pair(
            query=query,
            entry=entry,
            sign=placed.sign,
            known=placed.known,
            estimated=not placed.by_rows.all(),
            method=method.name,
            score=asked.score,
            n_train=len(self.train),
            scores=_histogram(placed.scores, asked.own),
            pairs=method.word_pairs(asked, placed.found, placed.ranked, entry),
        )

    def _ask(self, question: Question) -> tuple[Method, Asked, Query]:
        """The question looked up and traced, and what is said about its text."""
        method, score = self._check(question)
        if self.checkpoints.language:
            asked, query = ask_about_answer(self, question, score)
            return method, asked, query
        split, position, texts, given = self._resolve(question)
        encoded = self.checkpoints.encode(Examples.one(*texts))[0]
        if split is None or position is None:
            outputs = self.checkpoints.outputs([encoded])[0]
        else:  # what the lists of errors say of the row, too
            outputs = self.predictions(split).outputs[position]
        choice = self.task.choice(self.space, outputs, question.label)
        asked = Asked(
            engine=self,
            texts=texts,
            encoded=encoded,
            target=choice.number,
            traced=self._traced(texts, encoded, choice.number),
            score=score,
            k=question.k,
            exact=question.exact,
            own=position if split == "train" else None,
            damping=question.damping,
        )
        query = Query(
            text=texts[0],
            text_b=texts[1] if len(texts) > 1 else None,
            label=choice.name,
            predicted=self.space.targets(self.task.predicted(outputs[None]))[0],
            probabilities=_named(self.space.names, outputs) if self.task.view != "number" else {},
            row=question.row,
            split=split,
            given=given,
            truncated=encoded.truncated,
            task=self.task.name,
            asked=choice.title,
            helped=choice.helped,
            harmed=choice.harmed,
            outputs=_named(self.space.names, outputs),
        )
        return method, asked, query

    def _traced(self, texts: tuple[str, ...], encoded: Encoded, target: Any) -> TracedExample:
        """What models say of texts and a target, kept for further questions about them."""
        key = "traced", texts, np.asarray(target).tobytes()
        return self.recent.get(key, lambda: self.checkpoints.trace([encoded], [target])[0])

    def _check(self, question: Question) -> tuple[Method, str]:
        """The method and score asked for; `InputError` if the question makes no sense."""
        check_question(question, self.checkpoints.manifest.task)
        method = method_named(question.method)
        score = score_named(method, question.score, self.checkpoints.manifest.task.name)
        if question.damping is not None and score not in MODES:
            raise no_damping(score)
        if question.damping is not None:
            score_mode(score, question.damping)
        return method, score

    def _resolve(
        self, question: Question
    ) -> tuple[SplitName | None, int | None, tuple[str, ...], str | None]:
        """Split, position, texts and given label of what is asked about."""
        return resolve_question(question, self.splits.__getitem__, self.checkpoints.manifest.data.text_b)

    def find_row(self, row: str, split: SplitName | None = None) -> SplitName:
        """The split that holds ``row``; `InputError` if none does, or both and ``split`` is not given."""
        return find_row(row, split, self.splits.__getitem__)

    def _entries(self, method: Method, asked: Asked, found: Found) -> tuple[list[Entry], list[Entry]]:
        best, worst = found.ranking.proponents, found.ranking.opponents
        ranks = [*range(1, len(best.positions) + 1), *range(1, len(worst.positions) + 1)]
        others = max(len(self.train) - (asked.own is not None) - 1, 1)
        below = [others - (rank - 1) for rank in ranks[: len(best.positions)]]
        below += [rank - 1 for rank in ranks[len(best.positions) :]]
        percentiles = [100.0 * each / others for each in below]
        entries = method.entries(asked, found, Ranked.joined(best, worst), ranks, percentiles)
        return entries[: len(best.positions)], entries[len(best.positions) :]

    def _notes(self, method: Method, asked: Asked, found: Found) -> list[str]:
        encoded, ranking = asked.encoded, found.ranking
        notes = []
        if encoded.truncated:
            notes.append(f"The text is cut off after {len(encoded)} tokens.")
        unknown = encoded.input_ids.count(self.checkpoints.tokenizer.unk_token_id)
        if unknown:
            notes.append(
                f"{unknown} token(s) of the text are unknown to the tokenizer; they match any unknown token."
            )
        if method.from_rows:
            notes += self._row_notes(asked, found)
        elif not len(ranking.proponents.positions) and not len(ranking.opponents.positions):
            notes.append(f"All scores are 0. What this method can't do: {method.limits}.")
        notes += found.notes
        if asked.own is not None:
            notes.append("The row itself is a training example and is left out of the lists.")
        return notes + self._appended_notes(ranking)

    def _row_notes(self, asked: Asked, found: Found) -> list[str]:
        """What limits scores from stored gradients."""
        traced, ranking = asked.traced, found.ranking
        notes = []
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
            notes.append(
                "The word embeddings were frozen, as LoRA leaves them: scores are of what would have moved "
                "them, a stand-in for what was trained; that is followed by method trained."
            )
        if not found.exact:
            notes += self._storage_notes(asked.score)
        mixes = MODES[asked.score].mixes_directions
        if mixes and any(codec.basis is not None for codec in self.searcher.codecs):
            notes.append("This score leaves out the directions that the row store has dropped.")
        return notes

    def _storage_notes(self, score: str) -> list[str]:
        """What row store and index cost, where it is more than a little; `status` says how rows are kept."""
        rows = self.checkpoints.manifest.artifacts["rows"].details
        notes = []
        recall = self.index_info.recall.get(score, {"proponents": 0.0, "opponents": 0.0})
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
        trained_on = self.checkpoints.manifest.artifacts["checkpoints"].details.get(TRAINED_ON)
        shown = np.concatenate([ranking.proponents.positions, ranking.opponents.positions])
        later = 0 if trained_on is None else int(np.count_nonzero(shown >= trained_on))
        if not later:
            return []
        return [f"{later} of these examples were appended after the training: the model has not seen them."]


def _histogram(scores: np.ndarray, own: int | None) -> Histogram:
    """The scores of all training examples, float64 (n), but the query itself."""
    counts, edges = np.histogram(scores if own is None else np.delete(scores, own), bins=BINS)
    return Histogram(edges.tolist(), counts.tolist())


def _named(names: Sequence[str], outputs: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, outputs, strict=True)}


def _excluded(question: Question, found: Found, query: Query) -> Excluded | None:
    if found.own is None or question.row is None:
        return None
    own = (question.about or AboutAnswer()).of_row if query.fields else query.label == query.given
    return Excluded(question.row, found.own, self_influence=own)
