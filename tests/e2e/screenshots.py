"""Pictures of the pages, light and dark.

``python -m tests.e2e.screenshots [workspace] [folder] [width]``

Without a folder, the pictures go to docs/screenshots, and docs/tour.md is written anew. A picture that is
there already stays where nothing visible has changed (`tools.pictures`).

The workspace stays as it is: decisions are made in a copy that shares all but the log.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.workspace import Workspace
from pages.components.remembered_name import COOKIE
from tests.e2e.kept_picture import kept_picture
from tests.e2e.server import ROOT, browsing, serving, settled


@dataclass(frozen=True)
class Shot:
    """A page's address, the height of its picture, and what it is for."""

    address: str
    height: int
    sentence: str


PAGES = {
    "overview": Shot(
        "",
        1000,
        "What is loaded, what was found in it so far, and where each finding is acted on. How good the model "
        "is stands beside what always saying the largest class would give, class by class, with what it "
        "confuses; a model that has hardly learnt is said in red, here and on Inspect, Review and Retrain.",
    ),
    "inspect": Shot(
        "inspect",
        1560,
        "A row or a sentence of your own: what the model says, and the training examples that made it "
        "say so, word by word, with the buttons to decide.",
    ),
    "pair": Shot(
        "pair?{pair}",
        1750,
        "One training example held against one text: ribbons between the words that carry influence, and a "
        "table whose rows add up to the score.",
    ),
    "review": Shot(
        "review",
        1250,
        "All training rows, the most suspicious first, with reasons and a suggestion; how many labels are "
        "probably wrong, and which classes are taken for which.",
    ),
    "focus": Shot(
        "review?view=Focus",
        900,
        "The same queue, one row at a time, with a key for every decision; or blind.",
    ),
    "explore": Shot(
        "explore",
        1400,
        "All rows, filtered and sorted on the server, with a map; a lasso chooses rows to decide about.",
    ),
    "words": Shot(
        "words", 1000, "The words that carry the most harm to misclassified rows, and where they stand."
    ),
    "sources": Shot(
        "sources",
        1120,
        "Which groups of training rows pull the model towards rows you trust, and which away.",
    ),
    "scores": Shot(
        "scores", 1000, "The data map, the distribution of every score, and all that is known about one row."
    ),
    "changes": Shot(
        "changes",
        900,
        "The log of decisions: who, when, what and why, with the way back; versions to compare and restore.",
    ),
    "retrain": Shot(
        "retrain",
        1720,
        "What your decisions should change, and what a retraining beside controls shows that they change.",
    ),
    "export": Shot(
        "export",
        1000,
        "The cleaned data, the removed rows or a patch, looked at before it is written; import of more rows.",
    ),
    "new": Shot(
        "new",
        900,
        "From a file to a workspace: columns, a check of every row, a planned training, and one button.",
    ),
    "jobs": Shot(
        "jobs", 1100, "All long work, how far it is and what it said; it outlives page, browser and server."
    ),
    "help": Shot("help", 1000, "The method and its limits in plain words, colours, keys, glossary and cost."),
    "self-test": Shot(
        "help?part=Self-test",
        900,
        "Wrong labels planted in a copy: how many of them the queue finds on your own data.",
    ),
}
TITLES = {"focus": "Review in focus", "new": "New workspace", "self-test": "Noise self-test"}
LOG = "review.sqlite"


def take(workspace: Path, folder: Path, width: int = 1280) -> list[Path]:
    """Write ``<page>-<theme>.png`` for each page and theme."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    with shared_copy(workspace) as copy, serving(copy) as address:
        _review(Workspace.open(copy))
        pair = _strongest_pair(Workspace.open(copy))
        for theme in ("light", "dark"):
            with browsing(color_scheme=theme) as page:
                page.context.add_cookies([{"name": COOKIE, "value": "Ada", "url": address}])
                for name, shot in PAGES.items():
                    page.set_viewport_size({"width": width, "height": shot.height})
                    made.append(folder / f"{name}-{theme}.png")
                    _picture(page, f"{address}/{shot.address.format(pair=pair)}", made[-1])
    return made


LANGUAGE_MODELS = (
    "## On a language model",
    "The same pages on a workspace of `init --task causal-lm` (or New workspace, *What is learnt*: *To "
    "write*). Conversations are bubbles: who says what, which turns the model learns to write, what was "
    "taken out, which words are out of the loss; system texts and tools are folded, long turns folded "
    "around their strongest word, and what the chat template adds is one line.",
    "**Inspect** asks about a row's answer, one that you type, the model's own (written while you look "
    "on; greedy, or drawn by a seed), or a typed prompt's. Mark words of it by dragging, with the "
    "arrows and Shift, Space, or from a list; say what should have stood there instead; let words count "
    "that are read, or written, or both. In the training rows a line below a word says that it is read, "
    "a line above that it is written, solid that it helps, dashed that it harms. Beside it stand the "
    "loss of every token, in which training rows the words stand literally (which is no influence), and "
    "what the base model knew already. **Pair** draws ribbons between the words of both conversations.",
    "**Correct**, on every page that decides, opens an editor: another text for an answer, with what "
    "changes shown before it can be stored; words out of the loss; a turn out of the conversation; a "
    "reason. **Changes** shows each as struck and underlined words, with the way back. Explore, Review "
    "and the row picker show the last question and the answer, and search all that is said.",
)


def tour(folder: str) -> str:
    """A page of Markdown: every page of the app with a picture from ``folder`` and a sentence."""
    made = (
        "Made by `python -m tests.e2e.screenshots` from the demo workspace, for which `scores`, `words`, "
        "`sources` and a trial had been run: a page offers to compute what it lacks."
    )
    parts = ["# A tour of the app", f"{made} What a retraining shows: [story](story.md)."]
    for name, shot in PAGES.items():
        title = TITLES.get(name, name.capitalize())
        picture = (
            f'<picture><source media="(prefers-color-scheme: dark)" srcset="{folder}/{name}-dark.png">'
            f'<img src="{folder}/{name}-light.png" alt="The page {title}" width="900"></picture>'
        )
        parts += [f"## {title}", shot.sentence, picture]
    return "\n\n".join([*parts, *LANGUAGE_MODELS]) + "\n"


@contextmanager
def shared_copy(workspace: Path) -> Iterator[Path]:
    """The workspace with a log of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / workspace.name
        copy.mkdir()
        for each in workspace.resolve().iterdir():
            if not each.name.startswith((LOG, f".{LOG}")):
                (copy / each.name).symlink_to(each)
        yield copy


def _strongest_pair(workspace: Workspace) -> str:
    """The address's parameters of the first error and what helped it most."""
    row = _first_error(workspace)
    return f"test={row}&train={workspace.explain(row=row, split='eval', k=1).proponents[0].id}"


def _first_error(workspace: Workspace) -> str:
    errors = (~workspace.predictions("eval").correct).nonzero()[0]
    return workspace.eval_split.ids[int(errors[0]) if len(errors) else 0]


def _review(workspace: Workspace) -> None:
    """A few decisions about what harms the first error."""
    row = _first_error(workspace)
    shown = workspace.explain(row=row, split="eval", k=10)
    ids = [entry.id for entry in shown.opponents] + [entry.id for entry in shown.proponents]
    first = shown.proponents[0]
    other = next(name for name in workspace.manifest.classes if name != first.label)
    workspace.review.decide(
        "flag", ids[1:4], reason="same phrase, check together", author="Ada", origin="app"
    )
    workspace.review.decide("keep", [ids[5]], author="Ben", origin="app")
    workspace.review.decide("remove", [ids[0]], reason="not a review", author="Ada", origin="app")
    workspace.review.decide(
        "relabel", [first.id], label=other, reason="sarcastic", author="Ben", origin="app"
    )
    workspace.review.undo(author="Ada", origin="app")


def _picture(page: Any, url: str, target: Path) -> None:
    page.goto(url)
    page.wait_for_selector("h1")
    settled(page)
    kept_picture(page, target)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    source = Path(arguments[0]) if arguments else ROOT / "cache" / "demo"
    target = Path(arguments[1]) if len(arguments) > 1 else ROOT / "docs" / "screenshots"
    for path in take(source, target, int(arguments[2]) if len(arguments) > 2 else 1280):
        print(path)
    if target == ROOT / "docs" / "screenshots":
        (ROOT / "docs" / "tour.md").write_text(tour("screenshots"), encoding="utf-8")
