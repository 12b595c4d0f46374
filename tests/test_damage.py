"""A changed byte is named by `verify`, and never goes into a result: it is refused where the file is read."""

import shutil
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from backend import verify
from backend.data.dataset import load_split
from backend.data.shards import read_shards
from backend.data.slice import Slice
from backend.errors import InputError
from backend.folder import Folder
from backend.keyed_table import read_keyed, write_keyed
from backend.model.dynamics import read_runs
from backend.review.slices import read_slices, save_slice
from backend.scores.settings import ScoreSettings
from backend.scores.table import damaged_tables
from backend.scores.token_label import read_token_labels
from backend.verify import damaged_files
from backend.workspace import Workspace
from tests.conftest import SETTINGS, tiny_rows, write_rows
from tests.scores.helpers import workspace_of

PARTS = ("data", "predictions", "influence", "scores", "dynamics", "rows", "index", "embeddings")
# A list for people: nothing is made from it.
UNREAD = {"rejected.jsonl"}


def spoil(path: Path) -> bytes:
    """Change the byte in the middle; returns what was there."""
    before = path.read_bytes()
    content = bytearray(before)
    content[len(content) // 2] ^= 0x41
    path.write_bytes(content)
    return before


@pytest.fixture(scope="module")
def full_template(tmp_path_factory) -> Path:
    """A workspace with everything that is quickly computed; some of its eval labels are wrong."""
    other = {"good": "bad", "bad": "good"}
    train = [(row["text"], row["label"]) for row in tiny_rows(60)]
    evaluation = [(row["text"], row["label"]) for row in tiny_rows(20, 1000)]
    evaluation[::3] = [(text, other[label]) for text, label in evaluation[::3]]
    workspace = workspace_of(tmp_path_factory.mktemp("full"), train, evaluation)
    workspace.train(SETTINGS)
    workspace.precompute()
    workspace.compute_influence(k=3)
    names = ["association", "influence_on_errors", "correctness", "pvi"]
    workspace.scores.compute(names, ScoreSettings(folds=2))
    workspace.audit.compute_words()
    workspace.audit.compute_sources()
    save_slice(workspace.folder.slices, "odd", Slice("film"))
    workspace.review.flag("t1", reason="odd")
    assert workspace.verify() == []
    return workspace.path


@pytest.fixture
def full(full_template, tmp_path) -> Workspace:
    return Workspace.open(shutil.copytree(full_template, tmp_path / "ws"))


def test_every_file_whose_middle_byte_changes_is_named(full):
    paths = [path for part in PARTS for path in sorted((full.path / part).rglob("*")) if path.is_file()]
    paths = [path for path in paths if path.name not in UNREAD] + [full.folder.slices]
    assert len(paths) > 25
    for path in paths:
        before = spoil(path)
        named = full.verify()
        assert any(str(path) in line or str(path.parent) in line for line in named), path
        path.write_bytes(before)
    assert full.verify() == []


def test_a_changed_training_row_goes_nowhere(full, tmp_path):
    more = write_rows(tmp_path / "more.jsonl", tiny_rows(3, 500))
    spoil(full.folder.data / "train.parquet")
    for use in (
        lambda ws: ws.export("jsonl", tmp_path / "out.jsonl"),
        lambda ws: ws.export_preview(),
        lambda ws: ws.append(train=str(more)),
        lambda ws: ws.append_dry_run(train=str(more)),
        lambda ws: ws.explain(row="t1"),
        lambda ws: ws.trials.run(),
        lambda ws: ws.scores.row_table(),
        lambda ws: list(read_shards(ws.folder, "train")),
        lambda ws: ws.review.flag("t2"),
    ):
        with pytest.raises(InputError, match=r"train.parquet: (missing or )?damaged"):
            use(Workspace.open(full.path))
    assert not (tmp_path / "out.jsonl").exists()


def test_a_file_is_read_in_full_once_a_process(full, monkeypatch):
    load_split(full.folder, "train")
    monkeypatch.setattr("backend.recorded.file_digest", lambda path: pytest.fail(f"{path} read again"))
    load_split(full.folder, "train")
    list(read_shards(full.folder, "train"))


def test_a_workspace_without_digests_still_opens(full, tmp_path):
    manifest = full.manifest
    artifacts = {
        name: each.model_copy(
            update={"details": {k: v for k, v in each.details.items() if k not in ("files", "content")}}
        )
        for name, each in manifest.artifacts.items()
        if name != "dynamics"
    }
    full.folder.write_manifest(manifest.model_copy(update={"artifacts": artifacts}))
    old = Workspace.open(full.path)
    assert old.verify() == [] and len(old.train_split) == 60
    assert old.export("jsonl", tmp_path / "out.jsonl").n_rows == 60
    assert len(old.scores().table) == 60 and len(old.influence().train) == 60 and len(old.words())


@pytest.mark.parametrize(
    ("file", "read", "words"),
    [
        ("influence/train.parquet", lambda ws: ws.influence(), "influence: damaged"),
        ("scores/words.parquet", lambda ws: ws.audit.words(), "words.parquet: damaged"),
        ("scores/sources.parquet", lambda ws: ws.audit.sources(), "sources.parquet: damaged"),
        ("scores/association.parquet", lambda ws: ws.scores.table(), "association.parquet: damaged"),
        ("scores/association.parquet", lambda ws: ws.scores.queue(), "association.parquet: damaged"),
        ("scores/association.parquet", lambda ws: ws.scores.row_table(), "association.parquet: damaged"),
        ("dynamics/run-0.safetensors", lambda ws: read_runs(ws.folder), "run-0.safetensors: damaged"),
        ("slices.json", lambda ws: read_slices(ws.folder.slices), "slices.json: damaged"),
    ],
)
def test_what_has_changed_is_refused_where_it_is_read(full, file, read, words):
    read(full)
    spoil(full.path / file)
    with pytest.raises(InputError, match=words):
        read(Workspace.open(full.path))


def test_changed_predictions_are_refused_and_made_again(full):
    step = full.manifest.checkpoints[-1].step
    before = full.predictions("eval").table
    spoil(full.folder.predictions / f"eval-{step}.parquet")
    with pytest.raises(InputError, match="damaged or missing; run `python -m backend precompute"):
        full.predictions("eval")
    full.precompute()
    assert full.predictions("eval").table.equals(before) and full.folder.state("index") == "current"


def test_changed_scores_are_made_again_by_their_command(full):
    before = full.scores().table
    for name in ("association.parquet", "crossfit-probe.safetensors", "token_label.parquet"):
        spoil(full.folder.scores / name)
    (path,) = damaged_tables(full.folder)
    assert path.name == "association.parquet"
    full.compute_scores(["association", "pvi"], ScoreSettings(folds=2))
    assert full.scores().table.equals(before)
    spoil(full.folder.scores / "token_label.parquet")
    assert len(read_token_labels(full.folder))
    crossfit = full.folder.scores / "crossfit-probe.safetensors"  # no score that reads it is made again
    assert full.verify() == [f"{crossfit}: damaged or missing"] == full.verify(repair=True)
    assert full.verify() == []


def test_no_changed_byte_of_a_tables_values_is_read(tmp_path):
    path, table = (
        tmp_path / "t.parquet",
        pa.table({"x": [float(n) for n in range(200)], "y": ["a", "b"] * 100}),
    )
    write_keyed(path, table, "key")
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for place in range(4, footer):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        found = read_keyed(path, "key")
        assert found is None or found.equals(table), place


# -- beside other processes -----------------------------------------------------------------------------


def test_repair_beside_an_append_deletes_nothing(tiny_workspace, tmp_path):
    more = write_rows(tmp_path / "more.jsonl", tiny_rows(5, 500))
    other, refused = Workspace.open(tiny_workspace.path), []

    def meanwhile(stage: str, done: int, total: int) -> None:
        if not refused:
            try:
                other.append(train=str(more))
            except InputError as error:
                refused.append(str(error))

    assert tiny_workspace.verify(repair=True, progress=meanwhile) == []
    assert refused == [f"{other.path}: another process is working on this workspace; wait for it"]
    with Folder(tiny_workspace.path).lock(), pytest.raises(InputError, match="another process"):
        tiny_workspace.verify(repair=True)


def test_what_another_changed_meanwhile_is_not_called_damaged(tiny_workspace, tmp_path):
    more = write_rows(tmp_path / "more.jsonl", tiny_rows(5, 500))
    other, times = Workspace.open(tiny_workspace.path), []

    def meanwhile(stage: str, done: int, total: int) -> None:
        if not times:
            times.append(done)
            thread = threading.Thread(target=lambda: (other.append(train=str(more)), other.precompute()))
            thread.start()
            thread.join()

    assert tiny_workspace.verify(progress=meanwhile) == []
    assert times and tiny_workspace.manifest.data.n_train == 65


def test_a_workspace_that_never_rests_is_not_judged(tiny_workspace, monkeypatch):
    def restless(folder, manifest, repair, progress):
        folder.record(f"thing {len(manifest.artifacts)}")
        return ["a file: damaged"]

    monkeypatch.setattr(verify, "_damaged", restless)
    with pytest.raises(InputError, match="another process is changing this workspace"):
        damaged_files(tiny_workspace.folder)


def test_status_says_where_files_are_missing(full, inside):
    step = full.manifest.checkpoints[0].step
    (full.folder.rows / str(step) / "shard-000000.safetensors").unlink()
    (full.folder.predictions / f"eval-{step}.parquet").unlink()
    (full.folder.influence / "train.parquet").unlink()
    states = {name: each["state"] for name, each in full.status()["artifacts"].items()}
    assert {name for name, state in states.items() if state == "files missing"} == {
        "rows",
        "predictions",
        "influence",
    }
    assert f"next: python -m backend precompute {full.path}" in inside("status", full.path).stdout
    full.precompute()
    assert full.status()["artifacts"]["rows"]["state"] == "current"
