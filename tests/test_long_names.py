"""Labels and ids of thousands of characters are cut wherever the command line shows them."""

import pytest

from backend.data.columns import Columns
from backend.workspace import Workspace
from tests.conftest import write_rows

LONG = "L" * 10_000


@pytest.fixture
def odd(tmp_path):
    labels = ("good", LONG)
    rows = [{"id": f"r{n}" + "i" * 900, "text": f"text {n}", "label": labels[n % 2]} for n in range(20)]
    source = write_rows(tmp_path / "rows.jsonl", rows)
    columns = Columns(text="text", label="label", id="id")
    return Workspace.create(tmp_path / "ws", train=str(source), eval="0.3", columns=columns, model="minilm")[
        0
    ]


def test_no_line_holds_a_long_name(odd, inside):
    row, path = odd.train_split.ids[0], odd.path
    said = [
        inside("relabel", path, row, LONG if odd.train_split.labels[0] == "good" else "good"),
        inside("flag", path, *odd.train_split.ids[1:4]),
        inside("status", path),
        inside("log", path),
        inside("freeze", path, "--message", "x"),
        inside("diff", path, "raw", "v1"),
        inside("undo", path),
        inside("relabel", path, row, LONG + "x", check=False),
        inside("flag", path, LONG, check=False),
        inside("explain", path, "--text", "a", "--label", LONG + "x", check=False),
    ]
    for done in said:
        assert max(map(len, (done.stdout + done.stderr).split()), default=0) <= 400, done.args
    assert "L" * 70 in said[2].stdout and "…" in said[2].stdout
