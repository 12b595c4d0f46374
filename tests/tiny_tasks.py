"""Small real workspaces of the other tasks: label sets, and numbers; precomputed, with tiny models.

Fixtures `multilabel_template`, `regression_template` (read them) and `multilabel_workspace`,
`regression_workspace` (a copy for one test to change) are in `tests/conftest.py`.
"""

from pathlib import Path

from backend.data.columns import Columns
from backend.model.training_settings import TrainingSettings
from backend.workspace import Workspace
from tests.factories import tiny

SETTINGS = TrainingSettings(epochs=3, lr=2e-3, batch_size=8, checkpoints=3, precision="fp32")
FILMS = ("film", "comedy", "drama", "western", "thriller", "cartoon", "musical")
ASPECTS = {
    "praise": ("gorgeous", "wonderful", "honest", "moving"),
    "blame": ("dull", "boring", "bad", "worse"),
    "music": ("music", "songs", "score", "choir"),
    "plot": ("plot", "story", "ending", "twist"),
}
LABELS = tuple(sorted(ASPECTS))
_STARS = {"wonderful": 5.0, "honest": 4.0, "plain": 3.0, "dull": 2.0, "bad": 1.0}


def set_rows(count: int, start: int = 0) -> list[dict]:
    """Rows with a text and the labels of the words in it, none to four, as a list."""
    rows = []
    for number in range(start, start + count):
        chosen = [name for place, name in enumerate(LABELS) if (number * 7 + number // 16) >> place & 1]
        words = " and ".join(ASPECTS[name][(number + place) % 4] for place, name in enumerate(chosen))
        text = f"the {FILMS[number % 7]} number {number} was about {words or 'nothing'} in the end"
        rows.append({"id": f"r{number}", "text": text, "labels": chosen, "source": "ab"[number % 2]})
    return rows


def number_rows(count: int, start: int = 0) -> list[dict]:
    """Rows with a text and a number that the words in it tell, with halves in between."""
    rows = []
    for number in range(start, start + count):
        one, two = (list(_STARS)[(number * by) % 5] for by in (1, 3))
        text = f"a {one} start and a {two} end of the {FILMS[number % 7]} number {number}"
        stars = (_STARS[one] + _STARS[two]) / 2
        rows.append({"id": f"r{number}", "text": text, "label": stars, "source": "ab"[number % 2]})
    return rows


def task_workspace(
    folder: Path, train: list[dict], evaluation: list[dict], columns: Columns, outputs: int
) -> Workspace:
    """An untrained workspace of these rows with a tiny model."""
    from tests.conftest import write_rows

    folder.mkdir(parents=True, exist_ok=True)
    files = [
        write_rows(folder / f"{name}.jsonl", rows)
        for name, rows in zip(("train", "eval"), (train, evaluation), strict=True)
    ]
    model = tiny("bert", folder / "model", [row["text"] for row in train], num_labels=outputs)
    workspace, _ = Workspace.create(
        folder / "ws", train=str(files[0]), eval=str(files[1]), columns=columns, model=str(model)
    )
    return workspace


def set_columns(**more: str) -> Columns:
    """Of `set_rows`."""
    return Columns(text="text", label="labels", id="id", task="multilabel", **more)


def number_columns(**more: str) -> Columns:
    """Of `number_rows`."""
    return Columns(text="text", label="label", id="id", task="regression", **more)


def build_multilabel(folder: Path, n_train: int = 60, n_eval: int = 20) -> Workspace:
    """A precomputed workspace of label sets."""
    evaluation = [{**row, "id": f"e{row['id']}"} for row in set_rows(n_eval, 1000)]
    workspace = task_workspace(folder, set_rows(n_train), evaluation, set_columns(group="source"), 4)
    workspace.train(SETTINGS)
    workspace.precompute()
    return workspace


def build_regression(folder: Path, n_train: int = 60, n_eval: int = 20) -> Workspace:
    """A precomputed workspace of numbers."""
    evaluation = [{**row, "id": f"e{row['id']}"} for row in number_rows(n_eval, 1000)]
    workspace = task_workspace(folder, number_rows(n_train), evaluation, number_columns(group="source"), 1)
    workspace.train(SETTINGS)
    workspace.precompute()
    return workspace
