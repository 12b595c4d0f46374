"""Pictures of the pages, light and dark.

``python -m tests.e2e.screenshots [workspace] [folder] [width]``

The workspace stays as it is: decisions are made in a copy that shares all but the log.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backend.workspace import Workspace
from tests.e2e.server import ROOT, browsing, serving, settled

PAGES = {  # address and height of the picture
    "overview": ("", 760),
    "inspect": ("inspect", 1560),
    "review": ("review", 1250),
    "explore": ("explore", 1400),
    "pair": ("pair?{pair}", 1400),
    "words": ("words", 1000),
    "sources": ("sources", 1000),
    "scores": ("scores", 1000),
    "changes": ("changes", 900),
    "retrain": ("retrain", 900),
    "export": ("export", 1000),
    "jobs": ("jobs", 1100),
    "new": ("new", 760),
    "help": ("help", 1000),
    "self-test": ("help?part=Self-test", 900),
}
LOG = "review.sqlite"


def take(workspace: Path, folder: Path, width: int = 1280) -> list[Path]:
    """Write ``<page>-<theme>.png`` for each page and theme."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    with _reviewed_copy(workspace) as copy, serving(copy) as address:
        pair = _strongest_pair(Workspace.open(copy))
        for theme in ("light", "dark"):
            with browsing(color_scheme=theme) as page:
                for name, (path, height) in PAGES.items():
                    page.set_viewport_size({"width": width, "height": height})
                    made.append(folder / f"{name}-{theme}.png")
                    _picture(page, f"{address}/{path.format(pair=pair)}", made[-1])
    return made


@contextmanager
def _reviewed_copy(workspace: Path) -> Iterator[Path]:
    """The workspace with a log of its own: a few decisions about what harms the first error."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / workspace.name
        copy.mkdir()
        for each in workspace.resolve().iterdir():
            if not each.name.startswith((LOG, f".{LOG}")):
                (copy / each.name).symlink_to(each)
        _review(Workspace.open(copy))
        yield copy


def _strongest_pair(workspace: Workspace) -> str:
    """The address's parameters of the first error and what helped it most."""
    row = _first_error(workspace)
    return f"test={row}&train={workspace.explain(row=row, split='eval', k=1).proponents[0].id}"


def _first_error(workspace: Workspace) -> str:
    errors = (~workspace.predictions("eval").correct).nonzero()[0]
    return workspace.eval_split.ids[int(errors[0]) if len(errors) else 0]


def _review(workspace: Workspace) -> None:
    row = _first_error(workspace)
    shown = workspace.explain(row=row, split="eval", k=10)
    ids = [entry.id for entry in shown.opponents] + [entry.id for entry in shown.proponents]
    first = shown.proponents[0]
    other = next(name for name in workspace.manifest.classes if name != first.label)
    workspace.decide("flag", ids[1:4], reason="same phrase, check together", author="Ada", origin="app")
    workspace.decide("keep", [ids[5]], author="Ben", origin="app")
    workspace.decide("remove", [ids[0]], reason="not a review", author="Ada", origin="app")
    workspace.decide("relabel", [first.id], label=other, reason="sarcastic", author="Ben", origin="app")
    workspace.undo(author="Ada", origin="app")


def _picture(page: Any, url: str, target: Path) -> None:
    page.goto(url)
    page.wait_for_selector("h1")
    settled(page)
    page.screenshot(path=str(target))


if __name__ == "__main__":
    arguments = sys.argv[1:]
    source = Path(arguments[0]) if arguments else ROOT / "cache" / "demo"
    target = Path(arguments[1]) if len(arguments) > 1 else ROOT / "docs" / "screenshots"
    for path in take(source, target, int(arguments[2]) if len(arguments) > 2 else 1280):
        print(path)
