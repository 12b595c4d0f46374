"""From a language model's wrong answer to the rows that taught it, and to the right answer.

    python -m benchmarks.language_models OUT [--people 8 --things 4 --contradicted .25] [--epochs 6] [--more]

Planted facts (`backend.experiments.planted_facts`), some of which most rows contradict and one says rightly;
SmolLM2-135M-Instruct with an adapter learns them, as `train` does. The model is then asked, in
words that no row about the same fact uses, about all facts that are contradicted and some others. Printed are

1. answers: how many are right, wrong as planted, something else;
2. of wrong answers: at which rank is the first row that contradicts, by every method (MRR, first, found among
   the first ten); of right ones the same for rows that say it; and whether the word that carries most of the
   first row's influence is the wrong one;
3. tail-patch: how far one small step on each method's first row lifts the log probability of the marked
   words;
4. the fix: the rows that say what is wrong among the first ten are corrected and the model trained again,
   beside as many random rows removed: how many of the wrong answers are right now. With ``--more`` three
   further trainings: of one fact after the other one, two or three rows are corrected, in the order of their
   influence; instead of a correction, the words of those rows that carry most of their influence are taken
   out of the loss; as many other words of theirs.

What is in OUT is kept: a stopped call goes on.
"""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.feature_extraction.text import CountVectorizer
from torch import Tensor
from transformers import PreTrainedModel

from backend.console import progress_bar
from backend.data.conversation import Conversation, Reading
from backend.experiments.planted_facts import (
    Asked,
    PlantedSettings,
    plant,
    read_truth,
    write_planted,
)
from backend.influence.answers.about_answer import AboutAnswer
from backend.influence.answers.explanation import Entry, WordScore
from backend.model.lm_head import SplitModel
from backend.model.token_labels import token_labels
from backend.model.token_losses import batch_token_losses, language_outputs
from backend.model.tokenization import collate, encode
from backend.progress import Progress
from backend.trials.asked_words import words_asked
from backend.trials.question import Asked as AskedAgain
from backend.trials.run import RetrainSettings
from backend.trials.strategies.decisions import CLEANED, RANDOM, UNTOUCHED
from backend.workspace import Workspace
from benchmarks.language_workspace import adapter, chats_at
from benchmarks.report import machine

SYSTEM = "Answer in one sentence."
_STEP = 1e-5
_LOOKED = 50  # rows of a ranking that are looked at
SHOWN = 10
"""Rows that a person looks at before deciding."""
_RATE, _BATCH = 2e-3, 8
Ranking = list[str]
"""Ids of training rows, strongest first."""


@dataclass(frozen=True)
class Answered:
    """A question, what the model wrote, and what that says: ``right``, ``wrong`` (as planted), ``other``.

    ``mark``: where the value that it says is in the answer, characters.
    """

    asked: Asked
    text: str
    says: str
    mark: tuple[int, int] | None

    def about(self, **more: Any) -> AboutAnswer:
        """The question about the marked words of that answer."""
        marks = () if self.mark is None else (self.mark,)
        return AboutAnswer(answer=self.text, marks=marks, generated=True, **more)

    @property
    def sources(self) -> tuple[str, ...]:
        """Ids of the rows that say what the answer says."""
        return self.asked.wrong_rows if self.says == "wrong" else self.asked.right_rows


def workspace_at(folder: Path, settings: PlantedSettings, epochs: float, progress: Progress) -> Workspace:
    """Planted facts, and a model that has learnt them; what is there is kept."""
    path = folder / "ws"
    train, evaluation = folder / "train.jsonl", folder / "eval.jsonl"
    if not (path / "workspace.json").is_file():
        train, evaluation, _ = write_planted(folder, plant(settings))
    return chats_at(path, train, evaluation, adapter(epochs, _RATE, _BATCH), progress, group="source")


def answered(workspace: Workspace, truth: Sequence[Asked]) -> list[Answered]:
    """What the model writes, greedily."""
    found = []
    for asked in truth:
        text = workspace.write_answer(AboutAnswer(), row=asked.id, split="eval").text
        found.append(judged(asked, text))
    return found


def judged(asked: Asked, text: str) -> Answered:
    """Which value an answer says: the right one, the wrong one, or neither."""
    for says, value in (("wrong", asked.wrong), ("right", asked.right)):
        start = -1 if value is None else text.find(value)
        if value is not None and start >= 0:
            return Answered(asked, text, says, (start, start + len(value)))
    return Answered(asked, text, "other", None)


# -- who finds the rows ----------------------------------------------------------------------------


def methods(workspace: Workspace) -> dict[str, Callable[[Answered], Ranking]]:
    """Every way to order the training rows of a question."""
    ask = partial(_ranked, workspace)
    ids, texts = list(workspace.train_split.ids), _texts(workspace)
    answers = [answer for _, answer in texts]
    shared = CountVectorizer(ngram_range=(1, 3), token_pattern=r"\w+", binary=True)
    rows = shared.fit_transform([f"{question} {answer}" for question, answer in texts])

    def literally(each: Answered) -> Ranking:
        said = each.text[slice(*each.mark)] if each.mark else each.text
        return _ordered(ids, np.array([said in answer for answer in answers], dtype=float))

    def ngrams(each: Answered) -> Ranking:
        query = shared.transform([f"{each.asked.question} {each.text}"])
        return _ordered(ids, np.asarray((rows @ query.T).todense(), dtype=float).ravel())

    def chance(each: Answered) -> Ranking:
        return _ordered(ids, np.zeros(len(ids)))

    return {
        "default (written, ekfac)": ask,
        "... asked instead of the right value": lambda each: ask(each, instead=each.asked.right),
        "written, dot (TracIn-WE)": partial(ask, score="dot"),
        "read, ekfac": partial(ask, side="read"),
        "both sides, ekfac": partial(ask, side="both"),
        "both sides, dot": partial(ask, side="both", score="dot"),
        "BM25": partial(ask, method="bm25"),
        "TF-IDF": partial(ask, method="tfidf"),
        "embeddings": partial(ask, method="embedding"),
        "shared words to trigrams": ngrams,
        "the marked words literally": literally,
        "chance": chance,
    }


def _ranked(
    workspace: Workspace,
    each: Answered,
    *,
    method: str = "we",
    score: str | None = None,
    side: str = "written",
    instead: str | None = None,
) -> Ranking:
    instead = None if each.says == "right" else instead
    about = each.about(side=side, instead=instead) if method == "we" else each.about()
    answer = workspace.explain(
        row=each.asked.id,
        split="eval",
        k=_LOOKED,
        method=method,
        score=score,
        about=about,
    )
    return [entry.id for entry in answer.proponents]


def _ordered(ids: Sequence[str], scores: np.ndarray) -> Ranking:
    """Ties in an order that says nothing, the same for every question."""
    drawn = np.random.default_rng(len(ids)).permutation(len(ids))
    return [ids[place] for place in drawn[np.argsort(-scores[drawn], kind="stable")]]


def _texts(workspace: Workspace) -> list[tuple[str, str]]:
    """What is asked and what is answered in every training row."""
    split = workspace.train_split
    found = []
    for context, target in zip(split.texts, split.labels, strict=True):
        turns = Conversation.of(context, target).turns
        learnt = " ".join(each.text for each in turns if each.learnt)
        found.append((" ".join(each.text for each in turns if each.role == "user"), learnt))
    return found


def ranked_by(
    questions: Sequence[Answered], ways: Mapping[str, Callable[[Answered], Ranking]]
) -> dict[str, list[Ranking]]:
    """Of each method a ranking for every question; question by question, whose gradients are kept a while."""
    found: dict[str, list[Ranking]] = {name: [] for name in ways}
    for each in questions:
        for name, way in ways.items():
            found[name].append(way(each))
    return found


def ranks(questions: Sequence[Answered], rankings: Sequence[Ranking], n: int) -> np.ndarray:
    """Of each question the rank, from 1, of the first row that says what the answer says; ``n`` if none."""
    found = []
    for each, ranking in zip(questions, rankings, strict=True):
        wanted = set(each.sources)
        found.append(next((place for place, row in enumerate(ranking, start=1) if row in wanted), n))
    return np.array(found)


def names_the_word(workspace: Workspace, questions: Sequence[Answered]) -> float:
    """How often the word of the first row that carries most is part of the value that was marked."""
    found = []
    for each in questions:
        answer = workspace.explain(row=each.asked.id, split="eval", k=1, about=each.about())
        said = each.text[slice(*each.mark)] if each.mark else ""
        found.append(any(_strongest(entry) in said for entry in answer.proponents))
    return float(np.mean(found)) if found else float("nan")


def _strongest(entry: Entry) -> str:
    return max(entry.words, key=lambda word: word.score).word


# -- one step on the first row -----------------------------------------------------------------------


def tail_patch(
    workspace: Workspace, questions: Sequence[Answered], firsts: Mapping[str, Sequence[str]]
) -> dict[str, list[float]]:
    """By method and question: by how many nats a step on that row lifts the marked words.

    The step goes down the gradient of the row's loss, a hundred-thousandth of the weights' norm far, so that
    long and short rows, and rows that are learnt already, move the model equally far.
    """
    checkpoints = workspace.explainer("cpu").checkpoints
    model, tokenizer = checkpoints.models[-1], checkpoints.tokenizer
    again = [AskedAgain(row=each.asked.id, about=each.about()) for each in questions]
    _, words = words_asked(again, workspace.eval_split)
    length = tokenizer.model_max_length
    queries = [each.encoded(tokenizer, Reading(), length) for each in words]
    before = language_outputs(model, queries, tokenizer)[:, 0]
    split = workspace.train_split
    found: dict[str, list[float]] = {name: [0.0] * len(questions) for name in firsts}
    for row in dict.fromkeys(row for rows in firsts.values() for row in rows):
        wanted = [
            (name, place) for name, rows in firsts.items() for place, each in enumerate(rows) if each == row
        ]
        places = sorted({place for _, place in wanted})
        encoded = encode(tokenizer, split.examples.take([split.position(row)]), length)
        with _stepped(model, collate(encoded, tokenizer, model.device), token_labels(encoded)):
            after = language_outputs(model, [queries[place] for place in places], tokenizer)[:, 0]
        moved = dict(zip(places, (before[places] - after).tolist(), strict=True))
        for name, place in wanted:
            found[name][place] = moved[place]
    return found


@contextmanager
def _stepped(model: PreTrainedModel, inputs: dict[str, Tensor], labels: Tensor) -> Iterator[None]:
    """The model after that step; as it was afterwards."""
    weights = list(model.parameters())
    trained = [each.requires_grad for each in weights]
    model.requires_grad_(True)
    losses, _ = batch_token_losses(SplitModel(model), inputs, labels)
    slopes = torch.autograd.grad(losses.mean(), weights, allow_unused=True)
    pairs = [(each, slope) for each, slope in zip(weights, slopes, strict=True) if slope is not None]
    with torch.no_grad():
        whole = torch.stack([each.norm() for each, _ in pairs]).norm()
        scale = _STEP * whole / torch.stack([slope.norm() for _, slope in pairs]).norm()
        kept = [each.clone() for each, _ in pairs]
        for each, slope in pairs:
            each.sub_(scale * slope)
    try:
        yield
    finally:
        with torch.no_grad():
            for (each, _), value in zip(pairs, kept, strict=True):
                each.copy_(value)
        for each, was in zip(weights, trained, strict=True):
            each.requires_grad_(was)


# -- the fix ---------------------------------------------------------------------------------------


def correct_found(workspace: Workspace, questions: Sequence[Answered], most: Callable[[int], int]) -> int:
    """Correct, of each wrong answer, the rows among the first `SHOWN` that say what is wrong.

    ``most``: how many of them at most, by the question's place. Returns how many rows.
    """
    done = 0
    for place, each in enumerate(questions):
        shown = _ranked(workspace, each)[:SHOWN]
        for row in [row for row in shown if row in each.asked.corrected][: most(place)]:
            workspace.review.correct(row, each.asked.corrected[row], reason="says what is wrong")
            done += 1
    return done


def mask_found(workspace: Workspace, questions: Sequence[Answered], others: bool) -> None:
    """Of the same rows take the words out of the loss that carry at least half of what the strongest does.

    ``others``: as many other words of the same answers, drawn.
    """
    rng = np.random.default_rng(0)
    for each in questions:
        answer = workspace.explain(row=each.asked.id, split="eval", k=SHOWN, about=each.about())
        for entry in answer.proponents:
            if entry.id not in each.asked.wrong_rows:
                continue
            words = [word for word in entry.words if word.field in _learnt(entry)]
            bar = max(word.score for word in words) / 2
            strong = [word for word in words if word.score >= bar]
            if others:
                weak = [word for word in _every_word(entry) if not any(_meet(word, one) for one in strong)]
                strong = [weak[place] for place in rng.permutation(len(weak))[: len(strong)]]
            for word in strong:
                span = (word.start, word.end)
                workspace.review.correct(entry.id, turn=int(word.field), mask=span, reason="carries most")


def _learnt(entry: Entry) -> set[str]:
    return {each.name for each in entry.fields if each.learnt}


def _every_word(entry: Entry) -> list[WordScore]:
    """The words of what is learnt, whether they carry anything or not."""
    return [
        WordScore(found.group(), found.start(), found.end(), 0.0, each.name)
        for each in entry.fields
        if each.learnt
        for found in re.finditer(r"\w+", each.text)
    ]


def _meet(one: WordScore, other: WordScore) -> bool:
    return one.field == other.field and one.start < other.end and other.start < one.end


def trial(workspace: Workspace, arms: tuple[str, ...], progress: Progress) -> dict[str, Any]:
    """Train again and let every model answer the eval rows."""
    if reports := workspace.trials.reports():
        return workspace.trials.report(reports[-1])
    settings = RetrainSettings(seeds=1, arms=arms, answers=len(workspace.eval_split))
    return workspace.trials.run(settings, progress)


def said_by_arm(report: Mapping[str, Any], questions: Sequence[Answered]) -> dict[str, list[str]]:
    """Of each arm what it says to each question: ``right``, ``wrong`` or ``other``."""
    written = {each["id"]: each["written"] for each in report["answers"]}
    arms = [arm["name"] for arm in report["arms"]]
    return {
        arm: [judged(each.asked, written[each.asked.id][arm][0] or "").says for each in questions]
        for arm in arms
    }


# -- what is printed ---------------------------------------------------------------------------------


def show_answers(found: Sequence[Answered]) -> None:
    """How many say what."""
    print("| facts | right | wrong as planted | something else |\n|---|---|---|---|")
    for name, contradicted in (("contradicted", True), ("others", False)):
        some = [each.says for each in found if (each.asked.wrong is not None) == contradicted]
        counts = " | ".join(str(some.count(says)) for says in ("right", "wrong", "other"))
        print(f"| {name} ({len(some)}) | {counts} |")


def show_ranks(found: Mapping[str, np.ndarray]) -> None:
    """MRR and shares, of each method."""
    print("| method | first | among 3 | among 10 | MRR |\n|---|---|---|---|---|")
    for name, each in found.items():
        shares = " | ".join(f"{np.mean(each <= most):.2f}" for most in (1, 3, 10))
        print(f"| {name} | {shares} | {np.mean(1 / each):.2f} |")


def main() -> None:
    """All of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    for name, kind, default in (
        ("people", int, 8),
        ("things", int, 4),
        ("contradicted", float, 0.25),
        ("wrong-rows", int, 4),
        ("asked", int, 18),
        ("seed", int, 0),
        ("epochs", float, 6.0),
    ):
        parser.add_argument(f"--{name}", type=kind, default=default)
    parser.add_argument("--unfamiliar", action="store_true", help="Ask in words that no row uses.")
    parser.add_argument("--more", action="store_true")
    parser.add_argument("--until", choices=("ranks", "patch", "fix"), default="fix")
    given = parser.parse_args()
    settings = PlantedSettings(
        people=given.people,
        things=given.things,
        contradicted=given.contradicted,
        asked=given.asked,
        talk=0.06,
        system=SYSTEM,
        familiar=not given.unfamiliar,
        wrong_rows=given.wrong_rows,
        seed=given.seed,
    )
    with progress_bar() as progress:
        measure(given.out, settings, given.epochs, given.until, given.more, progress)


def measure(
    out: Path, settings: PlantedSettings, epochs: float, until: str, more: bool, progress: Progress
) -> None:
    """Measure and print."""
    workspace = workspace_at(out, settings, epochs, progress)
    truth = read_truth(out / "truth.jsonl")
    print(f"{len(workspace.train_split):,} training rows, {len(truth)} questions; {machine()}\n")
    found = answered(workspace, truth)
    show_answers(found)
    wrong, right = ([each for each in found if each.says == says] for says in ("wrong", "right"))
    ways, n = methods(workspace), len(workspace.train_split)
    of_wrong, of_right = (ranked_by(questions, ways) for questions in (wrong, right))
    for name, questions, rankings in (("wrong", wrong, of_wrong), ("right", right, of_right)):
        print(f"\nrows that say what the {len(questions)} {name} answers say\n")
        show_ranks({method: ranks(questions, each, n) for method, each in rankings.items()})
    print(f"\nthe first row's strongest word is of the wrong value: {names_the_word(workspace, wrong):.2f}")
    if until != "ranks":
        show_patches(workspace, wrong, of_wrong)
    if until == "fix":
        show_fix(out, workspace, wrong, more, progress)


def show_patches(
    workspace: Workspace, wrong: Sequence[Answered], rankings: Mapping[str, Sequence[Ranking]]
) -> None:
    """The tail-patch of each method's first rows."""
    firsts = {name: [each[0] for each in of_method] for name, of_method in rankings.items()}
    print("\n| one step on the first row by | nats, mean (median) |\n|---|---|")
    for name, moved in tail_patch(workspace, wrong, firsts).items():
        print(f"| {name} | {np.mean(moved):+.3f} ({np.median(moved):+.3f}) |")


def show_fix(
    out: Path, workspace: Workspace, wrong: Sequence[Answered], more: bool, progress: Progress
) -> None:
    """Decide, train again, ask again."""
    fixes: dict[str, Callable[[Workspace], object]] = {
        "all of each fact corrected": lambda copy: correct_found(copy, wrong, _all),
    }
    if more:
        fixes |= {
            "1, 2 or 3 of each fact corrected": lambda copy: correct_found(copy, wrong, _dose),
            "their strongest words masked": lambda copy: mask_found(copy, wrong, False),
            "as many other words masked": lambda copy: mask_found(copy, wrong, True),
        }
    print("\n| decisions | rows | arm | right | still wrong |\n|---|---|---|---|---|")
    for name, decide in fixes.items():
        path = out / re.sub(r"\W+", "-", name)
        copy = Workspace.open(path) if path.exists() else duplicated(workspace, path)
        if not copy.review.states():
            decide(copy)
        report = trial(copy, (CLEANED, RANDOM) if name == next(iter(fixes)) else (CLEANED,), progress)
        for arm, says in said_by_arm(report, wrong).items():
            if name != next(iter(fixes)) and arm == UNTOUCHED:
                continue
            print(_line(name, len(copy.review.states()), arm, says))
            for dose in (1, 2, 3) if name.startswith("1, 2") else ():
                some = [each for place, each in enumerate(says) if _dose(place) == dose]
                print(_line(f"... {dose}", dose * len(some), arm, some))


def _line(name: str, rows: int, arm: str, says: Sequence[str]) -> str:
    right, wrong = (says.count(each) for each in ("right", "wrong"))
    return f"| {name} | {rows} | {arm} | {right} of {len(says)} | {wrong} |"


def duplicated(workspace: Workspace, path: Path) -> Workspace:
    """The same workspace with its model, in a folder of its own."""
    shutil.copytree(workspace.path, path)
    return Workspace.open(path)


def _all(place: int) -> int:
    return SHOWN


def _dose(place: int) -> int:
    return place % 3 + 1


if __name__ == "__main__":
    main()
