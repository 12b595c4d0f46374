"""Short ways to write sources and to ingest them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from backend.data.columns import Columns
from backend.data.dataset import Split, load_split
from backend.data.ingest import IngestReport, ingest
from backend.folder import Folder
from backend.manifest import ModelInfo

GOOD = [{"text": f"text {i}", "label": ("neg", "pos")[i % 2]} for i in range(6)]


def jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def bring_in(
    workspace: Path,
    train: str,
    eval: str | None = None,
    *,
    columns: Columns | None = None,
    skip: bool = False,
    seed: int = 0,
) -> tuple[Folder, IngestReport]:
    """Ingest into a new workspace, as `init` does."""
    with Folder.create(workspace) as folder:
        report = ingest(
            folder,
            train=train,
            eval=eval,
            columns=columns or Columns("text", "label"),
            model=ModelInfo(name="minilm"),
            skip_bad_rows=skip,
            seed=seed,
        )
    return Folder.open(workspace), report


def splits(folder: Folder) -> tuple[Split, Split]:
    return load_split(folder, "train"), load_split(folder, "eval")
