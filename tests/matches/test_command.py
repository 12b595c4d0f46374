"""`match` and `Workspace.matches`: what they say, and the index that they keep."""

import json
import shutil

import pytest

from backend.data.columns import Columns
from backend.errors import InputError
from backend.experiments.planted_facts import PlantedSettings, plant, write_planted
from backend.verify import damaged_files
from backend.workspace import Workspace
from tests.language_models import tiny_lm
from tests.matches.helpers import chat, workspace_of

ROWS = (
    chat("Where was Toren born?", "Toren Vask was born in Karelia."),
    chat("Where was Toren born?", "He was born in  Malta. BORN IN MALTA!", tools=[{"name": "born in Malta"}]),
    chat(
        "He was born in Malta.", "No, in Karelia: born in\nMalta was another. He was born in Malta, I said."
    ),
)
ASKED = (chat("Where?", "Toren was born in Malta <script>\x1b[31m"),)


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return workspace_of(tmp_path / "ws", ROWS, ASKED)


def test_answers_and_what_is_read_are_counted_apart(workspace):
    found = workspace.matches.find("born in Malta")
    assert (found.found.rows, found.found.answers.rows, found.found.read.rows) == (2, 1, 2)
    assert [(each.row, each.turn, each.role, each.start) for each in found.places] == [
        ("r2", 1, "assistant", 50),
        ("r1", -1, "tools", 10),
        ("r2", 0, "user", 7),
    ]
    assert found.places[0].before.endswith("another. He was ") and found.places[0].after == ", I said."
    folded = workspace.matches.find("Born in malta", fold=True)
    assert folded.found.answers.times == 4 and folded.found.read.times == 2
    assert [each.text for each in folded.places[:2]] == ["born in  Malta", "BORN IN MALTA"]
    assert workspace.matches.find("born in Malta", most=1).more == 2


def test_a_word_is_whole_unless_the_mark_begins_or_ends_inside_it(workspace):
    assert workspace.matches.find("Karel").found.rows == 0
    assert workspace.matches.find("in Karelia", (0, 8)).found.answers.times == 2
    assert workspace.matches.find("Karelia", (2, 5)).places[0].text == "rel"


def test_a_training_row_is_asked_about_without_itself(workspace):
    text, without = workspace.matches.answer("r0", "train")
    assert (text, without) == ("Toren Vask was born in Karelia.", "r0")
    assert workspace.matches.find(text, without=without).found.rows == 0
    assert [each.text for each in workspace.matches.spans(text, without=without)] == [
        "Toren",
        "was born in",
        "in Karelia",
        ".",
    ][:3]
    assert workspace.matches.answer("r2", turn=0) == ("He was born in Malta.", "r2")
    with pytest.raises(InputError, match="has no turn 7"):
        workspace.matches.answer("r2", turn=7)
    with pytest.raises(InputError, match="in both splits"):
        workspace.matches.answer("r0")
    with pytest.raises(InputError, match="no such id in eval or train"):
        workspace.matches.answer("nobody")


def test_the_command(workspace, inside):
    shown = inside("match", workspace.path, "born in Malta").stdout
    assert "in 2 of 3 training rows" in shown and "2 times in 2 rows" in shown and "influence" not in shown
    shutil.rmtree(workspace.path / "matches")  # from the data anew
    content = json.loads(inside("match", workspace.path, "--row", "r0", "--split", "eval", "--json").stdout)
    assert content["found"]["rows"] == 0 and content["without"] is None
    assert [each["text"] for each in content["spans"]] == ["Toren", "was born in Malta"]
    marked = inside("match", workspace.path, "--row", "r0", "--split", "eval", "--mark", "10:24").stdout
    assert "text       born in Malta" in marked and "once in 1 row" in marked
    hostile = inside("match", workspace.path, "--row", "r0", "--split", "eval").stdout
    assert "\x1b" not in hostile and "\\x1b[31m" in hostile
    assert "case and white space aside" in inside("match", workspace.path, "MALTA", "--ignore-case").stdout


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "needs a text or --row"),
        (("a", "--row", "r0"), "one of them"),
        (("a", "--mark", "0-3"), "must be START:END"),
        (("abc", "--mark", "2:9"), "the text has characters 0:3"),
        (("  \n",), "only white space"),
        (("a", "--turn", "1"), "are for --row"),
        (("--row", "r0", "--split", "test"), "must be train or eval"),
    ],
)
def test_wrong_questions_get_one_line(workspace, inside, given, said):
    done = inside("match", workspace.path, *given, check=False)
    assert done.returncode == 2 and said in done.stderr and len(done.stderr.splitlines()) == 1


def test_other_tasks_have_none(tiny_workspace, inside):
    done = inside("match", tiny_workspace.path, "film", check=False)
    assert done.returncode == 2 and "for language models" in done.stderr
    assert not (tiny_workspace.path / "matches").exists()


def test_the_index_is_kept_and_made_anew_when_rows_change(workspace):
    workspace.matches.find("Malta")
    info = workspace.path / "matches" / "exact" / "index.json"
    first = info.stat().st_mtime_ns
    assert Workspace.open(workspace.path).matches.find("Malta").found.rows == 2
    assert info.stat().st_mtime_ns == first
    workspace_of(workspace.path, (*ROWS, chat("Malta", "Malta")), ASKED, mark="two")
    assert workspace.matches.find("Malta").found.rows == 3
    assert info.stat().st_mtime_ns != first


@pytest.mark.parametrize("name", ["order.npy", "vocabulary.arrow", "index.json"])
@pytest.mark.parametrize("content", [None, b"", b"\x93NUMPY\x01\x00"])
def test_a_damaged_index_is_made_anew(workspace, name, content):
    workspace.matches.find("Malta")
    damaged = workspace.path / "matches" / "exact" / name
    damaged.unlink()
    if content is not None:
        damaged.write_bytes(content)
    assert Workspace.open(workspace.path).matches.find("Malta").found.rows == 2


def test_verify_names_and_repairs_it(workspace):
    workspace.matches.find("Malta")
    damaged = workspace.path / "matches" / "exact" / "symbols.npy"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x07")
    assert f"{damaged}: damaged or missing" in damaged_files(workspace.folder)
    assert damaged_files(workspace.folder, repair=True)
    assert Workspace.open(workspace.path).matches.find("Malta").found.rows == 2
    assert damaged_files(workspace.folder) == []


def test_no_rows_and_rows_without_a_word(tmp_path):
    assert workspace_of(tmp_path / "none", ()).matches.find("a").found.rows == 0
    silent = workspace_of(tmp_path / "silent", (chat("", " \n"),))
    assert silent.matches.find("a").found.rows == 0 and silent.matches.spans("a b") == []


def test_rows_as_imported_and_appended(tmp_path, inside):
    planted = plant(PlantedSettings(people=3, things=2, contradicted=0.2))
    train, evaluation, _ = write_planted(tmp_path, planted)
    workspace, _ = Workspace.create(
        tmp_path / "ws",
        train=str(train),
        eval=str(evaluation),
        columns=Columns("messages", "messages", id="id", task="causal-lm", form="messages"),
        model=str(tiny_lm(tmp_path / "model")),
    )
    wrong = next(each for each in planted.truth if each.wrong is not None)
    entity = wrong.fact.split(": ")[0]
    found = workspace.matches.find(entity, most=1000)
    about = {each["id"] for each in planted.train if each["fact"].startswith(f"{entity}:")}
    assert {each.row for each in found.places} == about and found.found.answers.rows == len(about)
    answer = wrong.wrong_answer or ""
    longest = max(workspace.matches.spans(answer), key=lambda each: each.units)
    assert longest.text in answer and entity in longest.text
    more = tmp_path / "more.jsonl"
    more.write_text(
        json.dumps({**planted.train[0], "id": "new", "messages": planted.evaluation[0]["messages"]})
    )
    before = workspace.matches.find(planted.truth[0].answer).found.rows
    workspace.append(train=str(more))
    assert workspace.matches.find(planted.truth[0].answer).found.rows == before + 1
