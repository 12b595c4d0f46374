"""The story of docs/story.md, played in a real browser: every picture and every number in it is from here.

``python -m tests.e2e.story [home] [--aside TEXT]``

Builds a workspace of TREC questions that 68 rules have labelled (../shared/data/trec_weakrules.jsonl.gz; the
right labels stay out of it) in ``home``, and writes docs/story.md and its pictures. What a chapter found is
kept in ``home/story.json``, so a stopped run goes on.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from backend.workspace import Workspace
from benchmarks.report import machine
from tests.e2e.kept_picture import kept_picture
from tests.e2e.server import ROOT, browsing, serving, settled

DATA = ROOT.parent / "shared" / "data" / "trec_weakrules.jsonl.gz"
PICTURES = ROOT / "docs" / "screenshots"
NAME = "questions"
ASKED = "What is the capital of Mongolia ?"
RIGHT, WRONG = "LOCATION", "DESCRIPTION"
SCORE, SCORE_TITLE = "train-normalised", "per size of example"
PATTERN = r"\bcapital of\b|^what (city|country)\b"
PATIENCE = 1_800_000  # milliseconds: training is in it
Facts = dict[str, Any]


@dataclass
class Stage:
    """What a chapter plays on."""

    page: Any
    address: str
    home: Path
    name: str = NAME
    pictures: str = "story"

    @property
    def path(self) -> Path:
        """Where the story's workspace is."""
        return self.home / "cache" / self.name

    @property
    def workspace(self) -> Workspace:
        """The story's."""
        return Workspace.open(self.path)

    @property
    def known(self) -> Facts:
        """What earlier chapters found."""
        return _known(self.home)

    def go(self, path: str) -> None:
        """Open a page of the story's workspace."""
        self.page.goto(f"{self.address}/{path}")
        self.page.wait_for_selector("h1")
        settled(self.page)

    def picture(self, name: str, height: int) -> None:
        """Write ``PICTURES-NAME.png``, from the top of the page."""
        self.page.set_viewport_size({"width": 1280, "height": height})
        self.page.evaluate("document.querySelector('.stMain').scrollTo(0, 0)")
        settled(self.page)
        kept_picture(self.page, self.file(name))

    def file(self, name: str) -> Path:
        """Where a picture goes."""
        return PICTURES / f"{self.pictures}-{name}.png"


def build(stage: Stage) -> Facts:
    """A file becomes a workspace."""
    page, source = stage.page, stage.home / "questions.jsonl"
    with gzip.open(DATA, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    kept = [{name: row[name] for name in ("text", "label", "split")} for row in rows]
    source.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
    stage.go("new")
    page.locator("input[type=file]").set_input_files(str(source))
    page.get_by_role("heading", name="2. Columns").wait_for()
    settled(page)
    page.get_by_role("button", name="Check every row").click()
    page.get_by_role("heading", name="5. Model").wait_for(timeout=PATIENCE)
    settled(page)
    slider = page.get_by_role("slider", name="Layers")
    for _ in range(4):
        slider.press("ArrowLeft")
    page.get_by_label("Passes over the rows", exact=True).fill("3")
    page.keyboard.press("Enter")
    settled(page)
    page.get_by_label("Learning rate", exact=True).fill("5e-4")
    page.keyboard.press("Enter")
    settled(page)
    page.get_by_label("Name", exact=True).fill(NAME)
    page.get_by_label("Name", exact=True).press("Enter")
    settled(page)
    stage.picture("new", 2020)
    start = time.monotonic()
    page.get_by_role("button", name="Build").click()
    page.get_by_text("is ready").wait_for(timeout=PATIENCE)
    return {"build_seconds": time.monotonic() - start}


def see(stage: Stage) -> Facts:
    """A wrong prediction, and what it rests on."""
    workspace = stage.workspace
    row = next(
        each
        for each, text in zip(workspace.eval_split.ids, workspace.eval_split.texts, strict=True)
        if text == ASKED
    )
    stage.go(f"inspect?{urlencode({'row': row, 'score': SCORE_TITLE})}")
    stage.page.get_by_text("Helpful", exact=True).wait_for()
    stage.picture("inspect", 1400)
    answer = workspace.explain(row=row, split="eval", k=10, score=SCORE)
    shown = answer.query.probabilities
    return {
        "row": row,
        "train_rows": len(workspace.train_split),
        "eval_rows": len(workspace.eval_split),
        "accuracy": float(workspace.predictions("eval").correct.mean()),
        "of_wrong": float(shown[WRONG]),
        "of_right": float(shown[RIGHT]),
        "first": answer.proponents[0].text,
        "mislabelled": sum(each.label == WRONG for each in answer.proponents),
        "capital": sum("capital" in each.text for each in answer.proponents),
        "loudest": workspace.explain(row=row, split="eval", k=1).proponents[0].text,
        "pair": f"pair?{urlencode({'test': row, 'train': answer.proponents[0].id, 'score': SCORE_TITLE})}",
    }


def pair(stage: Stage) -> Facts:
    """The strongest of them, word by word."""
    known = stage.known
    stage.go(known["pair"])
    stage.page.locator("path.ribbon").first.wait_for(state="attached")
    stage.picture("pair", 1150)
    first = stage.workspace.explain(row=known["row"], split="eval", k=1, score=SCORE).proponents[0]
    words: Counter[str] = Counter()
    for each in first.words:
        words[each.word] += each.score / first.score
    (one, its_share), (other, share_of_other) = words.most_common(2)
    return {"word": one, "its_share": its_share, "other_word": other, "share_of_other": share_of_other}


def relabel(stage: Stage) -> Facts:
    """All rows of this kind, decided about at once."""
    page = stage.page
    stage.go("explore")
    page.get_by_text("As a pattern", exact=True).click()
    settled(page)
    page.get_by_label("Words in the texts").fill(PATTERN)
    page.keyboard.press("Enter")
    settled(page)
    page.get_by_label("Class", exact=True).first.click()
    page.get_by_role("option", name=WRONG).click()
    settled(page)
    stage.picture("explore", 1250)
    button = page.get_by_role("button", name=re.compile(r"Decide about \d+ listed"))
    count = int(re.search(r"\d+", button.inner_text())[0])  # type: ignore[index]
    button.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name="Relabel").click()
    settled(page)
    dialog.get_by_label("New class").click()
    page.get_by_role("option", name=RIGHT).click()
    settled(page)
    dialog.get_by_label("Reason").fill("asks for a place")
    dialog.get_by_label("Reason").press("Tab")
    settled(page)
    stage.picture("relabel", 900)
    dialog.get_by_role("button", name=re.compile("Relabel \\d+ rows")).click()
    page.get_by_text("Press U to undo all at once").wait_for()
    dialog.wait_for(state="detached")
    return {"relabelled": count}


def forecast(stage: Stage) -> Facts:
    """What should change, before anything is trained."""
    page = stage.page
    stage.go(f"retrain?follow={stage.known['row']}")
    page.get_by_role("button", name="Forecast").click()
    page.get_by_text("The loss on eval rows should").wait_for(timeout=PATIENCE)
    stage.picture("forecast", 900)
    return {}


def retrain(stage: Stage) -> Facts:
    """What does change, beside controls."""
    page, before = stage.page, time.monotonic()
    stage.go(f"retrain?follow={stage.known['row']}")
    page.get_by_role("button", name="Start the trial").click()
    page.get_by_role("heading", name="Before and after").wait_for(timeout=PATIENCE)
    seconds = time.monotonic() - before
    (name,) = stage.workspace.trials.reports()
    stage.go(f"retrain?report={name}")
    stage.picture("report", 2900)
    return {"trial_seconds": seconds, "report": stage.workspace.trials.report(name)}


def export(stage: Stage) -> Facts:
    """The cleaned data."""
    stage.go("export")
    stage.picture("export", 900)
    return {}


CHAPTERS: tuple[Callable[[Stage], Facts], ...] = (build, see, pair, relabel, forecast, retrain, export)


def _known(home: Path) -> Facts:
    kept = home / "story.json"
    return json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {"done": []}


def play(
    home: Path,
    chapters: Sequence[Callable[[Stage], Facts]] = CHAPTERS,
    name: str = NAME,
    pictures: str = "story",
) -> Facts:
    """All chapters that are still to be played; what all of them found."""
    home.mkdir(parents=True, exist_ok=True)
    for chapter in chapters:
        known = _known(home)
        if chapter.__name__ in known["done"]:
            continue
        (home / ".streamlit").unlink(missing_ok=True)
        there = home / "cache" / name
        with (
            serving(there if there.exists() else None, home / "server.log", home) as address,
            browsing(viewport={"width": 1280, "height": 1000}) as page,
        ):
            found = chapter(Stage(page, address, home, name, pictures))
        content = {**known, **found, "done": [*known["done"], chapter.__name__]}
        (home / "story.json").write_text(json.dumps(content), encoding="utf-8")
        print(f"played: {chapter.__name__}", flush=True)
    return _known(home)


def told(facts: Facts) -> str:
    """The story as Markdown."""
    report = facts["report"]
    arms = {arm["name"]: arm for arm in report["arms"]}
    chosen = {
        "untouched data": report["reference"],
        f"{facts['relabelled']} rows relabelled": "cleaned",
        "as many relabelled at random": report["control"],
    }
    heads = f"| | accuracy | F1 of {RIGHT} | F1 of {WRONG} | p({RIGHT}) of our question |"
    rows = [_row(title, arms[name], report) for title, name in chosen.items()]
    return (
        (Path(__file__).parent / "story.template.md")
        .read_text(encoding="utf-8")
        .format(
            **{name: value for name, value in facts.items() if name != "report"},
            asked=ASKED,
            right=RIGHT,
            wrong=WRONG,
            pattern=PATTERN,
            machine=machine_words(),
            all_minutes=minutes(facts["build_seconds"] + facts["trial_seconds"]),
            build_minutes=minutes(facts["build_seconds"]),
            trial_minutes=minutes(facts["trial_seconds"]),
            arms=len(arms),
            seeds=len(report["seeds"]),
            table="\n".join([heads, "|---" * 5 + "|", *rows]),
            verdict=arms["cleaned"]["verdict"],
        )
    )


def _row(title: str, arm: dict[str, Any], report: dict[str, Any]) -> str:
    cells = [_figure(arm, each) for each in ("accuracy", f"f1/{RIGHT}", f"f1/{WRONG}")]
    followed = report["queries"][0]["probability"][arm["name"]]
    return f"| {title} | {' | '.join(cells)} | {followed['mean']:.3f} |"


def _figure(arm: dict[str, Any], name: str) -> str:
    change = arm.get("change", {}).get(name)
    spread = f" ({change['mean']:+.3f}, {change['low']:+.3f} to {change['high']:+.3f})" if change else ""
    return f"{arm['figures'][name]['mean']:.3f}{spread}"


def minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes"


def machine_words() -> str:
    found = machine()
    return f"{found['cores']} cores of an {found['processor']} without a GPU, {found['date']}"


def main() -> None:
    """Play what is left, and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("home", nargs="?", type=Path, default=ROOT / "cache" / "story")
    parser.add_argument("--aside", default="", help="A remark about the time of the trial.")
    options = parser.parse_args()
    page = told({**play(options.home), "aside": f" ({options.aside})" if options.aside else ""})
    (ROOT / "docs" / "story.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
