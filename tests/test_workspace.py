"""The facade: artifacts and staleness, resume after a kill, decisions, integrity."""

import json
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backend.data.columns import Columns
from backend.errors import InputError
from backend.files import replacing
from backend.folder import Folder
from backend.influence.rowstore import precompute as precompute_module
from backend.influence.rowstore.layout import shard_path
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.manifest import Manifest
from backend.model import runs
from backend.model.training_settings import TrainingSettings
from backend.review.ledger import Ledger
from backend.step_times import StepTimes
from backend.workspace import MOVED, Workspace
from tests.conftest import build_tiny, tiny_rows, without_model, write_rows


def scores(workspace: Workspace) -> dict[str, float]:
    """Influence by the stored rows of all examples."""
    explanation = workspace.explain("a witty film with a dull story", k=60)
    return {entry.id: entry.score for entry in [*explanation.proponents, *explanation.opponents]}


def test_everything_is_current_after_precompute(tiny_workspace):
    status = tiny_workspace.status()
    assert {each["state"] for each in status["artifacts"].values()} == {"current"}
    assert status["next"] is None
    assert tiny_workspace.verify() == []
    assert 1 <= len(status["checkpoints"]) <= 3


def test_a_changed_input_makes_what_follows_stale(tiny_workspace):
    tiny_workspace.folder.record("checkpoints", ("data",), id="another")
    states = {name: tiny_workspace.folder.state(name) for name in ("rows", "predictions", "index")}
    assert states == dict.fromkeys(states, "stale")
    with pytest.raises(InputError, match="index stale; run `python -m backend precompute"):
        tiny_workspace.explain("a film")


def test_precompute_twice_computes_nothing(tiny_workspace, monkeypatch):
    def fail(*_, **__):
        raise AssertionError("computed again")

    monkeypatch.setattr(precompute_module, "traced_batches", fail)
    monkeypatch.setattr(precompute_module, "load_for_tracing", fail)
    tiny_workspace.precompute()


def test_a_lost_or_damaged_shard_is_named_and_only_it_is_recomputed(tiny_workspace, monkeypatch):
    before = scores(tiny_workspace)
    step = tiny_workspace.manifest.checkpoints[0].step
    path = shard_path(tiny_workspace.folder.rows, step, 0)
    path.write_bytes(path.read_bytes()[:100])
    assert tiny_workspace.verify() == [f"{path}: damaged or missing"]
    fresh = Workspace.open(tiny_workspace.path)
    with pytest.raises(InputError, match="damaged or missing; run `python -m backend precompute"):
        fresh.explain("a film")
    calls = []
    original = precompute_module.write_shard
    monkeypatch.setattr(precompute_module, "write_shard", lambda *a: calls.append(a[0]) or original(*a))
    fresh.precompute()
    assert calls == [path]
    assert fresh.verify() == []
    assert scores(fresh) == pytest.approx(before)


def test_what_a_killed_job_left_is_swept_by_the_next(tiny_workspace):
    step = tiny_workspace.manifest.checkpoints[0].step
    left = [
        tiny_workspace.path / ".checkpoints.abc.tmp" / "checkpoints",
        tiny_workspace.folder.rows / str(step) / ".shard-000000.safetensors.abc.tmp",
    ]
    for folder in left:
        folder.mkdir(parents=True)
    tiny_workspace.precompute()
    assert not any(folder.exists() for folder in left)
    assert tiny_workspace.verify() == []


def test_names_that_moved_lead_to_where_they_are_now(tiny_workspace):
    assert {part for part, _ in MOVED.values()} == {"review", "scores", "audit", "trials"}
    for name, (part, now) in MOVED.items():
        moved, there = getattr(tiny_workspace, name), getattr(getattr(tiny_workspace, part), now)
        assert moved == there or type(moved) is type(there) is Ledger, name
    tiny_workspace.flag(tiny_workspace.train_split.ids[0])
    assert len(tiny_workspace.states()) == len(tiny_workspace.review.states()) == 1
    tiny_workspace.compute_scores(["dynamics"])
    assert tiny_workspace.scores().names == tiny_workspace.scores.table().names
    with pytest.raises(AttributeError, match="'Workspace' object has no attribute 'nothing'"):
        tiny_workspace.nothing  # noqa: B018


def test_two_long_jobs_at_once_are_refused(tiny_workspace):
    with tiny_workspace.folder.lock(), pytest.raises(InputError, match="another process is working"):
        Workspace.open(tiny_workspace.path).precompute()


def test_decisions_are_derived_from_the_log(tiny_workspace):
    tiny_workspace.review.flag("r1", reason="odd")
    tiny_workspace.review.remove("r1", "r2", reason="wrong")
    given = tiny_workspace.train_split.labels[3]
    other = "good" if given == "bad" else "bad"
    tiny_workspace.review.relabel("r3", other)
    states = Workspace.open(tiny_workspace.path).review.states()
    assert {row: state.action for row, state in states.items()} == {
        "r1": "remove",
        "r2": "remove",
        "r3": "relabel",
    }
    assert states["r3"].label == other
    tiny_workspace.review.undo()
    tiny_workspace.review.undo()
    assert {row: state.action for row, state in tiny_workspace.review.states().items()} == {"r1": "flag"}
    tiny_workspace.review.redo()
    assert tiny_workspace.review.states()["r2"].action == "remove"


@pytest.mark.parametrize(
    ("decide", "message"),
    [
        (lambda ws: ws.review.flag("er1000"), "er1000"),
        (lambda ws: ws.review.flag("r1", "nobody"), "nobody"),
        (lambda ws: ws.review.relabel("r1", "ugly"), "the classes are .bad., .good."),
        (lambda ws: ws.review.relabel("r1", ws.train_split.labels[1]), "already"),
        (lambda ws: ws.review.decide("flag", []), "at least one"),
        (lambda ws: ws.review.decide("remove", ["r1"], label="bad"), "takes no label"),
    ],
)
def test_wrong_decisions_change_nothing(tiny_workspace, decide, message):
    with pytest.raises(InputError, match=message):
        decide(tiny_workspace)
    assert tiny_workspace.review.log() == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema_version": 99}', '{"schema_version": 1}'])
def test_a_broken_manifest_is_one_line(tmp_path, content):
    (tmp_path / "workspace.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        Workspace.open(tmp_path)
    assert "workspace.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_manifest_is_read_anew_after_any_change(tiny_workspace, monkeypatch):
    """Whoever changes it, even within the resolution of the clock and to the same size."""
    folder, path = tiny_workspace.folder, tiny_workspace.path / "workspace.json"
    for number in range(5):
        Folder.open(tiny_workspace.path).record("words", ("index",), id=f"{number}" * 16)
        assert folder.manifest().artifacts["words"].id == f"{number}" * 16
    content, state = path.read_text(), path.stat()
    path.write_text(content.replace("4" * 16, "x" * 16))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert folder.manifest().artifacts["words"].id == "x" * 16
    monkeypatch.setattr(Manifest, "model_validate", None)  # what has not changed is not parsed again
    assert folder.manifest() is Workspace.open(path.parent).manifest


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old", encoding="utf-8")

    def broken_write() -> None:
        with replacing(target) as temporary:
            temporary.write_text("ne", encoding="utf-8")
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        broken_write()
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_creation_leaves_no_folder(tmp_path):
    def broken_creation() -> None:
        with Folder.create(tmp_path / "ws") as folder:
            (folder.path / "half").write_text("x", encoding="utf-8")
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        broken_creation()
    assert list(tmp_path.iterdir()) == []


def test_attach_takes_a_run_that_somebody_else_made(tiny_workspace, tmp_path):
    workspace = without_model(tmp_path, 60)
    notes = workspace.attach(tiny_workspace.folder.checkpoints)
    assert all(isinstance(line, str) for line in notes)
    assert [each.step for each in workspace.manifest.checkpoints] == [
        each.step for each in tiny_workspace.manifest.checkpoints
    ]
    workspace.precompute()
    assert workspace.explain("a dull film", k=2).proponents
    assert workspace.manifest.model.name == str(tiny_workspace.folder.checkpoints)
    another = shutil.copytree(tiny_workspace.folder.checkpoints, tmp_path / "another")
    with pytest.raises(InputError, match="has checkpoints of another run"):
        workspace.attach(another)


def test_learning_rates_of_a_run_that_says_none_are_given(tiny_workspace, tmp_path):
    workspace = without_model(tmp_path, 60)
    run = shutil.copytree(tiny_workspace.folder.checkpoints, tmp_path / "run")
    for path in [*run.rglob("trainer_state.json"), *run.rglob("optimizer.pt"), *run.rglob("scheduler.pt")]:
        path.unlink()
    assert any("all checkpoints have weight 1" in note for note in workspace.attach(run))
    assert set(workspace.status()["etas"].values()) == {"equal"}
    workspace.attach(run, learning_rate=1e-3)
    steps = [each.step for each in workspace.manifest.checkpoints]
    middles = [(a + 1 + b) / 2 for a, b in zip([0, *steps], steps, strict=False)]
    expected = [1e-3 * (1 - (middle - 1) / steps[-1]) for middle in middles]
    assert [each.weight for each in workspace.manifest.checkpoints] == pytest.approx(expected)
    assert workspace.status()["etas"] == {str(step): "options" for step in steps}


def test_attached_again_with_other_classes_or_tokens_nothing_old_is_used(tiny_workspace, tmp_path):
    workspace = without_model(tmp_path, 60)
    run = shutil.copytree(tiny_workspace.folder.checkpoints, tmp_path / "run")
    for config in run.glob("*/config.json"):
        content = json.loads(config.read_text())
        content.pop("id2label"), content.pop("label2id")
        config.write_text(json.dumps(content))
    workspace.attach(run, classes=["bad", "good"])
    workspace.precompute()
    before = workspace.predictions("eval")
    workspace.attach(run, classes=["good", "bad"])
    assert workspace.folder.state("index") == "stale"
    workspace.precompute()
    after = workspace.predictions("eval")
    assert [{"good": "bad", "bad": "good"}[each] for each in before.predicted] == after.predicted
    tokenizer = json.loads((run.parent / "attached" / "tokenizer" / "tokenizer.json").read_text())
    words = tokenizer["model"]["vocab"]
    words["film"], words["witty"] = words["witty"], words["film"]
    other = shutil.copytree(workspace.path / "tokenizer", tmp_path / "tokenizer")
    (other / "tokenizer.json").write_text(json.dumps(tokenizer))
    workspace.attach(run, classes=["good", "bad"], tokenizer=str(other))
    assert workspace.folder.state("index") == "stale"


def test_one_explainer_for_all_threads(tiny_workspace):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: tiny_workspace.explainer("cpu"), range(8)))
    assert len(set(map(id, found))) == 1


def test_changed_weights_are_never_used(tiny_workspace):
    checkpoint = tiny_workspace.folder.checkpoint_path(tiny_workspace.manifest.checkpoints[0])
    weights = checkpoint / "model.safetensors"
    os.utime(weights, (1, 1))  # another time alone is no change
    assert tiny_workspace.explain("a dull film", k=1).proponents
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert tiny_workspace.verify() == [f"{checkpoint}: weights damaged, changed or missing"]
    shard_path(tiny_workspace.folder.rows, tiny_workspace.manifest.checkpoints[0].step, 0).unlink()
    for use in (lambda ws: ws.explain("a dull film"), lambda ws: ws.precompute()):
        with pytest.raises(InputError, match="weights changed or missing since they were recorded"):
            use(Workspace.open(tiny_workspace.path))


@pytest.mark.parametrize("damage", ["shard", "index", "predictions"])
def test_verify_finds_a_changed_byte_and_repairs(tiny_workspace, damage):
    before = scores(tiny_workspace)
    step = tiny_workspace.manifest.checkpoints[-1].step
    path = {
        "shard": shard_path(tiny_workspace.folder.rows, step, 0),
        "index": tiny_workspace.folder.index / "rows.faiss",
        "predictions": tiny_workspace.folder.predictions / f"eval-{step}.parquet",
    }[damage]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    (line,) = tiny_workspace.verify(repair=True)
    assert line.endswith("damaged or missing")
    fresh = Workspace.open(tiny_workspace.path)
    fresh.precompute()
    assert fresh.verify() == []
    assert scores(fresh) == pytest.approx(before)


def test_lost_predictions_are_made_again(tiny_workspace):
    before = tiny_workspace.predictions("eval").probabilities
    shutil.rmtree(tiny_workspace.folder.predictions)
    with pytest.raises(InputError, match="damaged or missing; run `python -m backend precompute"):
        tiny_workspace.predictions("eval")
    tiny_workspace.precompute()
    assert tiny_workspace.predictions("eval").probabilities == pytest.approx(before, abs=1e-6)


def test_a_stopped_pass_with_other_settings_leaves_nothing_current(tiny_workspace, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(precompute_module, "write_predictions", stop)
    with pytest.raises(KeyboardInterrupt):
        tiny_workspace.precompute(PrecomputeSettings(precision="bf16"))
    assert {tiny_workspace.folder.state(name) for name in ("rows", "predictions", "index")} == {"missing"}
    monkeypatch.undo()
    tiny_workspace.precompute(PrecomputeSettings(precision="bf16"))
    assert Workspace.open(tiny_workspace.path).manifest.artifacts["rows"].details["precision"] == "bf16"


def test_a_training_that_was_killed_before_it_was_recorded_can_be_repeated(tmp_path, monkeypatch):
    def build() -> Workspace:
        return build_tiny(tmp_path, n_train=24, n_eval=6)

    with monkeypatch.context() as patched:
        patched.setattr(runs, "record_checkpoints", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            build()
    workspace = Workspace.open(tmp_path / "ws")
    assert workspace.folder.checkpoints.is_dir()
    assert workspace.status()["next"].startswith("python -m backend train")
    workspace.train(TrainingSettings(epochs=1, lr=1e-3, batch_size=8, checkpoints=2, precision="fp32"))
    workspace.precompute()
    assert workspace.explain("a dull film", k=1).proponents


def test_two_creations_of_one_workspace_keep_the_first(tmp_path):
    with (
        pytest.raises(InputError, match="something else was put there"),
        Folder.create(tmp_path / "ws") as slow,
    ):
        (slow.path / "slow").touch()
        with Folder.create(tmp_path / "ws") as quick:
            (quick.path / "quick").touch()
    assert [path.name for path in (tmp_path / "ws").iterdir()] == ["quick"]
    assert [path.name for path in tmp_path.iterdir()] == ["ws"]


def test_a_failed_creation_leaves_no_parents(tmp_path):
    with pytest.raises(RuntimeError, match="stop"), Folder.create(tmp_path / "a" / "b" / "ws"):
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


def test_rows_do_not_wait_for_a_model_that_is_loading(tiny_workspace, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    def slow(*arguments):
        begun.set()
        go_on.wait(60)
        return arguments

    monkeypatch.setattr("backend.influence.answers.explain.Explainer", slow)
    with ThreadPoolExecutor(2) as threads:
        loading = threads.submit(tiny_workspace.explainer)
        try:
            assert begun.wait(60)
            rows = threads.submit(tiny_workspace.split, "eval").result(timeout=30)
            assert len(rows) == 20 and not loading.done()
        finally:
            go_on.set()


def test_a_workspace_made_anew_under_the_same_name_shows_its_own_columns(tmp_path):
    def make(text: str) -> Workspace:
        rows = [{text: row["text"], "label": row["label"]} for row in tiny_rows(20)]
        source = str(write_rows(tmp_path / "t.jsonl", rows))
        path = tmp_path / "ws"
        return Workspace.create(
            path, train=source, eval="0.2", columns=Columns(text, "label"), model="unused"
        )[0]

    opened = make("text")
    old, fingerprint = opened.train_split.texts, opened.manifest.data.fingerprint
    shutil.rmtree(tmp_path / "ws")
    make("review")
    assert opened.manifest.data.fingerprint == fingerprint  # by the values alone
    assert opened.train_split.info.text == "review" and opened.train_split.texts == old
    assert "review" in opened.train_split.table.column_names


def test_the_time_of_steps_is_told_of_texts_that_are_dictionary_encoded(tiny_template, tmp_path):
    rows = pa.Table.from_pylist([{"text": row["text"], "label": row["label"]} for row in tiny_rows(60)])
    pq.write_table(rows.set_column(0, "text", rows["text"].dictionary_encode()), tmp_path / "t.parquet")
    columns = Columns("text", "label")
    source, path = str(tmp_path / "t.parquet"), tmp_path / "ws"
    workspace, _ = Workspace.create(path, train=source, eval="0.2", columns=columns, model="unused")
    manifest = Workspace.open(tiny_template).manifest
    workspace.folder.record("checkpoints", ("data",), change={"checkpoints": manifest.checkpoints})
    shutil.copytree(tiny_template / "checkpoints", path / "checkpoints")
    assert StepTimes(workspace.folder).of("influence").seconds > 0
