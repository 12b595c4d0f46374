"""Training rows with the query's own text are marked wherever they are listed; the row itself is left out."""

import json

import pytest

from backend.model.training_settings import TrainingSettings
from backend.workspace import Workspace
from tests.conftest import tiny_rows
from tests.scores.helpers import workspace_of

QUICK = TrainingSettings(epochs=2, lr=2e-3, batch_size=8, checkpoints=2, precision="fp32")
TEXT = "a witty film with a gorgeous cast"
SAME = "same text as the query"


@pytest.fixture(scope="module")
def copied(tmp_path_factory) -> Workspace:
    """Rows t0 to t2 and e0 are one text, up to case and white space; the label of t2 is another."""
    copies = [(TEXT, "good"), (f"  {TEXT.upper()} ", "good"), (TEXT.replace(" ", "\t"), "bad")]
    rows = [(row["text"], row["label"]) for row in tiny_rows(30)]
    made = workspace_of(tmp_path_factory.mktemp("copied"), copies + rows, [(TEXT, "good"), rows[0]])
    made.train(QUICK)
    made.precompute()
    return made


def marks(explanation) -> dict[str, str | None]:
    entries = [*explanation.proponents, *explanation.opponents]
    return {each.id: each.copy_words(explanation.query.given) for each in entries}


@pytest.mark.parametrize("method", ["we", "bm25"])
def test_copies_of_an_eval_row_are_marked_with_whether_their_label_is_another(copied, method):
    found = marks(copied.explain(row="e0", split="eval", k=33, method=method))
    told = {row: words for row, words in found.items() if words}
    assert told == {"t0": SAME, "t1": SAME, "t2": f"{SAME}, another label"}


def test_a_training_row_is_left_out_and_its_copies_are_marked(copied):
    found = marks(copied.explain(row="t2", split="train", k=33))
    assert "t2" not in found
    assert {row: words for row, words in found.items() if words} == {
        "t0": f"{SAME}, another label",
        "t1": f"{SAME}, another label",
    }


def test_a_typed_text_has_no_label_to_differ_from(copied):
    found = marks(copied.explain(TEXT, k=33))
    assert {words for words in found.values() if words} == {SAME}


def test_the_command_line_says_so(copied, inside):
    printed = inside("explain", copied.path, "--row", "e0", "-k", 33).stdout
    assert " ".join(printed.split()).count(f"[{SAME}") == 3
    answer = json.loads(inside("explain", copied.path, "--row", "e0", "-k", 33, "--json").stdout)
    entries = answer["proponents"] + answer["opponents"]
    assert {each["id"] for each in entries if each["same_text"]} == {"t0", "t1", "t2"}
