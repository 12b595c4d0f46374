"""The story of docs/story-language-model.md, played in a real browser: its pictures and numbers.

``python -m tests.e2e.language_story [home]``

Builds the demo of a language model in ``home``, without what is decided in it, asks it about a fact that some
of its rows contradict, and follows its wrong answer to those rows, a correction and another training. What a
chapter found is kept in ``home/story.json``, so a stopped run goes on.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backend.demos.build import build_demo
from backend.demos.facts import planted
from backend.experiments.planted_facts import Asked
from backend.influence.answers.about_answer import AboutAnswer
from backend.tasks.heads import CAUSAL_LM
from tests.e2e.kept_picture import kept_picture
from tests.e2e.server import ROOT
from tests.e2e.story import PATIENCE, Facts, Stage, machine_words, minutes, play, settled

NAME = "facts"
SHOWN = 10


def build(stage: Stage) -> Facts:
    """The demo, until questions can be asked."""
    start = time.monotonic()
    workspace = build_demo(stage.home / "cache" / NAME, task=CAUSAL_LM)
    return {"build_seconds": time.monotonic() - start, "train_rows": len(workspace.train_split)}


def see(stage: Stage) -> Facts:
    """A wrong answer, in the model's own words, and the word that is wrong."""
    workspace, page = stage.workspace, stage.page
    asked, said = _asked_wrongly(stage)
    stage.go(f"inspect?row={asked.id}")
    page.get_by_role("radio", name="The model's own").click()
    page.get_by_role("option", name=asked.wrong, exact=True).wait_for(timeout=PATIENCE)
    page.get_by_text("Helpful", exact=True).wait_for(timeout=PATIENCE)
    page.get_by_role("option", name=asked.wrong, exact=True).click()
    page.get_by_text("Why these words?", exact=True).wait_for(timeout=PATIENCE)
    settled(page)
    stage.picture("inspect", 1700)
    start = said.index(str(asked.wrong))
    about = AboutAnswer(answer=said, marks=((start, start + len(str(asked.wrong))),), generated=True)
    answer = workspace.explain(row=asked.id, split="eval", about=about, k=SHOWN)
    shares, _ = workspace.base_share(row=asked.id, split="eval", about=about)
    found = [entry.id in asked.wrong_rows for entry in answer.proponents]
    bm25 = workspace.explain(row=asked.id, split="eval", about=about, k=SHOWN, method="bm25").proponents
    first = answer.proponents[0]
    word = max(first.words, key=lambda each: each.score)
    return {
        "row": asked.id,
        "question": asked.question,
        "said": said,
        "wrong": asked.wrong,
        "right": asked.right,
        "rows": [[each.rank, each.id] for each in answer.proponents if each.id in asked.wrong_rows],
        "contradicting": len(asked.wrong_rows),
        "leading": next((place for place, each in enumerate(found) if not each), len(found)),
        "among": sum(found),
        "among_bm25": sum(entry.id in asked.wrong_rows for entry in bm25),
        "first": first.fields[-1].text,
        "word": word.word,
        "share": word.score / first.score,
        "base_nats": shares[0].base,
        "tuned_nats": shares[0].tuned,
    }


def _asked_wrongly(stage: Stage) -> tuple[Asked, str]:
    """The first fact of one word that the model has wrong, and its answer."""
    for asked in planted().truth:
        if asked.wrong is None or not re.fullmatch(r"\w+", asked.wrong):
            continue
        said = stage.workspace.write_answer(AboutAnswer(), row=asked.id, split="eval").text
        if asked.wrong in said:
            return asked, said
    raise SystemExit("the model answers all questions rightly: there is no story")


def pair(stage: Stage) -> Facts:
    """The strongest of them, word by word."""
    known, page = stage.known, stage.page
    _ask(stage)
    card = page.locator(".st-key-bar-helpful-1")
    card.get_by_role("button", name=re.compile("pair", re.IGNORECASE)).click()
    page.locator("path.ribbon").first.wait_for(state="attached", timeout=PATIENCE)
    settled(page)
    kept_picture(page, stage.file("pair"))
    return {"paired": known["rows"][0][1]}


def correct(stage: Stage) -> Facts:
    """The rows that say it, one after the other; what is shown first is the difference."""
    known, page = stage.known, stage.page
    truth = {each.id: each for each in planted().truth}[known["row"]]
    _ask(stage)
    for number, (rank, row) in enumerate(known["rows"]):
        page.locator(f".st-key-bar-helpful-{rank}").get_by_role("button", name="Correct").click()
        field = page.get_by_label("What it should say")
        field.wait_for()
        settled(page)
        field.fill(truth.corrected[row])
        field.blur()
        page.locator("ins").first.wait_for()
        settled(page)
        if not number:
            field.scroll_into_view_if_needed()
            kept_picture(page, stage.file("correct"))
        page.get_by_role("button", name="Store").click()
        page.get_by_text(re.compile("corrected. Press U")).first.wait_for()
        settled(page)
    return {"corrected": len(known["rows"])}


def _ask(stage: Stage) -> None:
    """The same question again."""
    known, page = stage.known, stage.page
    stage.go(f"inspect?row={known['row']}")
    page.get_by_role("radio", name="The model's own").click()
    page.get_by_role("option", name=known["wrong"], exact=True).click(timeout=PATIENCE)
    page.get_by_text("Why these words?", exact=True).wait_for(timeout=PATIENCE)
    settled(page)


def retrain(stage: Stage) -> Facts:
    """Another training on the corrected rows, beside as many random rows removed."""
    page, known = stage.page, stage.known
    truth = {each.id: each for each in planted().truth}[known["row"]]
    stage.go("retrain")
    page.get_by_label("Prompt", exact=True).fill(known["question"])
    page.get_by_label("Answer", exact=True).fill(truth.answer)
    page.keyboard.press("Tab")
    settled(page)
    page.get_by_role("option", name=known["right"].split()[0], exact=True).click()
    settled(page)
    page.get_by_label("Seeds", exact=True).fill("1")
    page.keyboard.press("Tab")
    settled(page)
    stage.picture("retrain", 1300)
    if not stage.workspace.trials.reports():  # a job goes on when a browser is closed
        page.get_by_role("button", name="Start the trial").click()
        page.get_by_role("heading", name="Before and after").wait_for(timeout=PATIENCE)
    (name,) = stage.workspace.trials.reports()
    stage.go(f"retrain?report={name}")
    stage.picture("report", 2200)
    report = stage.workspace.trials.report(name)
    trained = [arm["seconds"] for arm in report["arms"] if arm["name"] != report["reference"]]
    return {"trial_seconds": sum(trained), "report": report}


def export(stage: Stage) -> Facts:
    """The cleaned data."""
    stage.go("export")
    stage.picture("export", 900)
    return {}


CHAPTERS: tuple[Callable[[Stage], Facts], ...] = (build, see, pair, correct, retrain, export)


def told(facts: Facts) -> str:
    """The story as Markdown."""
    report = facts["report"]
    names = [arm["name"] for arm in report["arms"]]
    asked = next(each for each in report["answers"] if each["id"] == facts["row"])
    followed = report["queries"][0]["probability"]
    rows = [
        f"| {name} | {followed[name]['mean']:.3f} | {asked['written'][name][0]} | {_right(report, name)} |"
        for name in names
    ]
    head = f"| trained on | p(“{facts['right']}”) | what it answers | eval rows answered rightly |"
    template = (Path(__file__).parent / "language_story.template.md").read_text(encoding="utf-8")
    return template.format(
        **{name: value for name, value in facts.items() if name != "report"},
        machine=machine_words(),
        build_minutes=minutes(facts["build_seconds"]),
        trial_minutes=minutes(facts["trial_seconds"]),
        all_minutes=minutes(facts["build_seconds"] + facts["trial_seconds"]),
        table="\n".join([head, "|---" * 4 + "|", *rows]),
    )


def _right(report: dict[str, Any], arm: str) -> str:
    """Of the eval rows that were answered, how many answers hold the right value and not the wrong one."""
    truth = {each.id: each for each in planted().truth}
    written = {each["id"]: each["written"][arm][0] or "" for each in report["answers"] if each["id"] in truth}
    good = [
        truth[row].right in text and (truth[row].wrong or "\0") not in text for row, text in written.items()
    ]
    return f"{sum(good)} of {len(good)}"


def main() -> None:
    """Play what is left, and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("home", nargs="?", type=Path, default=ROOT / "cache" / "story-language-model")
    options = parser.parse_args()
    facts = play(options.home, CHAPTERS, NAME, "story-lm")
    (ROOT / "docs" / "story-language-model.md").write_text(told(facts), encoding="utf-8")


if __name__ == "__main__":
    main()
