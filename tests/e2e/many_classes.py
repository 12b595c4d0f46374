"""Pictures of the pages that name classes, with 77 classes of long names, at two widths.

``python -m tests.e2e.many_classes FOLDER [--dark] [PAGE ...]``

Each open list of classes is a picture of its own.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from backend.workspace import Workspace
from tests.e2e.server import browsing, serving, settled
from tests.many_classes import build_many

WIDTHS = (1280, 1600)
TOO_WIDE = """() => {
    const main = document.querySelector("[data-testid=stMain]");
    return main.scrollWidth - main.clientWidth;
}"""
PAGES = {  # address and height
    "overview": ("", 2300),
    "inspect": ("inspect", 1500),
    "pair": ("pair?{pair}", 1500),
    "review": ("review", 1200),
    "focus": ("review?view=Focus", 900),
    "blind": ("review?view=Blind", 700),
    "explore": ("explore", 1300),
    "changes": ("changes", 900),
    "export": ("export", 1000),
    "scores": ("scores", 1000),
    "retrain": ("retrain", 1200),
}
SEARCH = "[class*='st-key-classes-'] [data-testid=stSelectbox] input"
OPENED: dict[str, Callable[[Any], None]] = {  # a list of classes, and what opens it
    "review": lambda page: page.locator(SEARCH).last.click(),
    "inspect": lambda page: page.locator(SEARCH).last.click(),
    "focus": lambda page: page.keyboard.press("/"),
    "pair": lambda page: page.keyboard.press("/"),
}


def take(folder: Path, theme: str = "light", only: Sequence[str] = tuple(PAGES)) -> list[Path]:
    """Write ``PAGE-WIDTH.png``, and ``PAGE-WIDTH-open.png`` with the list of classes open."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    with tempfile.TemporaryDirectory() as scratch:
        workspace = build_many(Path(scratch))
        _decide(workspace)
        pair = _pair(workspace)
        with serving(workspace.path) as address, browsing(color_scheme=theme) as page:
            for width in WIDTHS:
                for name in only:
                    place, height = PAGES[name]
                    page.set_viewport_size({"width": width, "height": height})
                    page.goto(f"{address}/{place.format(pair=pair)}")
                    page.wait_for_selector("h1")
                    settled(page)
                    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
                    made.append(_picture(page, folder / f"{name}-{width}.png"))
                    if name in OPENED:
                        OPENED[name](page)
                        page.wait_for_timeout(700)
                        made.append(_picture(page, folder / f"{name}-{width}-open.png"))
    return made


def _decide(workspace: Workspace) -> None:
    ids, names = workspace.train_split.ids, workspace.manifest.classes
    workspace.review.decide(
        "relabel", [ids[0]], label=names[-1], reason="as the name says", author="Ada", origin="app"
    )
    workspace.review.decide("relabel", [ids[9], ids[12]], label=names[70], author="Ben", origin="app")
    workspace.review.decide("remove", [ids[3]], author="Ada", origin="app")
    workspace.review.freeze("before the first training")


def _pair(workspace: Workspace) -> str:
    row = workspace.eval_split.ids[0]
    return f"test={row}&train={workspace.explain(row=row, split='eval', k=1).proponents[0].id}"


def _picture(page: Any, target: Path) -> Path:
    wide = page.evaluate(TOO_WIDE)
    print(f"{target}: {wide} px too wide")
    page.screenshot(path=str(target))
    return target


if __name__ == "__main__":
    target, *others = sys.argv[1:]
    pages = [each for each in others if each in PAGES]
    take(Path(target), "dark" if "--dark" in others else "light", pages or tuple(PAGES))
