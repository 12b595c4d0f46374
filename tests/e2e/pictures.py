"""Pictures of the pages on a workspace that is there, of any task.

``python -m tests.e2e.pictures WS FOLDER [--dark] [PAGE ...]``
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from backend.workspace import Workspace
from tests.e2e.many_classes import PAGES
from tests.e2e.server import browsing, serving, settled

WIDTH = 1440


def take(path: Path, folder: Path, theme: str = "light", only: Sequence[str] = tuple(PAGES)) -> None:
    """Write ``PAGE.png`` into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    workspace = Workspace.open(path)
    row = workspace.eval_split.ids[0]
    train = workspace.explain(row=row, device="cpu").proponents[0].id
    with serving(path) as address, browsing(color_scheme=theme) as page:
        for name in only:
            place, height = PAGES[name]
            page.set_viewport_size({"width": WIDTH, "height": height})
            page.goto(f"{address}/{place.format(pair=f'test={row}&train={train}')}")
            page.wait_for_selector("h1")
            settled(page)
            page.screenshot(path=folder / f"{name}.png")


if __name__ == "__main__":
    names = [each for each in sys.argv[1:] if not each.startswith("--")]
    place, out, *pages = names
    take(Path(place), Path(out), "dark" if "--dark" in sys.argv else "light", pages or tuple(PAGES))
