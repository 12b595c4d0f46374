"""The pass: continues after any kill, computes only what is new, keeps its promises about storage."""

import json
import multiprocessing
import os
import random
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from backend.data import shards as shards_module
from backend.data.examples import Examples
from backend.errors import InputError
from backend.influence.gradients.settings import TraceSettings
from backend.influence.index.modes import MODES
from backend.influence.rowstore import division, layout, plan, precompute, preparation
from backend.influence.rowstore import space as disk
from backend.influence.rowstore.fidelity import compare
from backend.influence.rowstore.layout import RowsInfo, shard_path
from backend.influence.rowstore.opening import open_rows
from backend.influence.rowstore.plan import Plan, Sample, make_plan
from backend.influence.rowstore.precompute import missing_shards
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.influence.rowstore.shard import Shard
from backend.model import token_table
from backend.model.devices import fast_bf16
from backend.model.loading import load_tokenizer
from backend.model.token_table import Tokens, TokenTable, tokenise
from backend.workspace import Workspace
from tests.conftest import build_tiny, tiny_rows, without_model, write_rows
from tests.test_workspace import scores

CPU = PrecomputeSettings(device="cpu", precision="fp32", attention="eager")
SMALL = 8  # examples in a shard


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(shards_module, "SHARD_EXAMPLES", SMALL)


def forget_derived(workspace: Workspace) -> None:
    for name in ("rows", "index", "predictions", "tokens"):
        shutil.rmtree(workspace.path / name, ignore_errors=True)


def shards_of(workspace: Workspace) -> dict[str, dict[str, str]]:
    """Key and digest of the content of every shard."""
    return {
        str(path.relative_to(workspace.path)): Shard(path).metadata
        for path in workspace.folder.rows.glob("*/shard-*.safetensors")
    }


# -- kills ------------------------------------------------------------------------------------------


def run_until_killed(path: str, seconds: float | None, operation: int | None, after: bool) -> None:
    """A process of its own: precompute until SIGKILL after ``seconds``, or at the n-th rename."""
    shards_module.SHARD_EXAMPLES = SMALL
    if seconds is not None:
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, seconds)
    renames, replace = 0, Path.replace

    def counted(self: Path, target: Path) -> Path:
        nonlocal renames
        renames += 1
        if renames == operation and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        done = replace(self, target)
        if renames == operation:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    Path.replace = counted  # type: ignore[method-assign]
    Workspace.open(path).precompute(CPU)


def start(path: Path, seconds: float | None = None, operation: int | None = None, after: bool = False) -> int:
    """Exit code of such a process; the fork server has the imports done."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.influence.test_precompute"])
    process = context.Process(target=run_until_killed, args=(str(path), seconds, operation, after))
    process.start()
    process.join(120)
    return process.exitcode


def assert_same_as(undisturbed: Workspace, killed: Workspace) -> None:
    assert shards_of(killed) == shards_of(undisturbed)
    assert killed.verify() == []
    assert scores(killed) == scores(undisturbed)
    one, other = (each.predictions("train").probabilities for each in (undisturbed, killed))
    np.testing.assert_array_equal(one, other)
    assert list(killed.path.rglob(".*.tmp")) == []


def test_after_twenty_kills_at_random_moments_the_scores_are_those_of_an_undisturbed_run(
    tiny_template, tmp_path, small_shards
):
    undisturbed, killed = (Workspace.open(shutil.copytree(tiny_template, tmp_path / name)) for name in "ab")
    for _ in range(2):  # the first also waits for the fork server
        forget_derived(undisturbed)
        begin = time.perf_counter()
        assert start(undisturbed.path) == 0
        duration = time.perf_counter() - begin
    forget_derived(killed)
    rng, kills, runs = random.Random(0), 0, 0
    while kills < 20:
        code = start(killed.path, seconds=rng.uniform(0.02, duration))
        assert code in (0, -signal.SIGKILL)
        runs += 1
        kills += code != 0
        if code == 0:  # finished in time: there is something to do again
            assert_same_as(undisturbed, killed)
            forget_derived(killed)
            duration *= 0.8  # the machine was busier when it was measured
        assert runs < 80
    assert start(killed.path) == 0
    assert_same_as(undisturbed, killed)


def test_a_kill_at_any_rename_loses_nothing(tiny_template, tmp_path, small_shards):
    undisturbed = Workspace.open(shutil.copytree(tiny_template, tmp_path / "a"))
    forget_derived(undisturbed)
    assert start(undisturbed.path) == 0
    killed = Workspace.open(shutil.copytree(tiny_template, tmp_path / "b"))
    forget_derived(killed)
    for operation, after in (
        (1, False),
        (1, True),
        (3, True),
        (7, False),
        (11, True),
        (19, False),
        (2, True),
    ):
        assert start(killed.path, operation=operation, after=after) in (0, -signal.SIGKILL)
    assert start(killed.path) == 0
    assert_same_as(undisturbed, killed)


# -- only what is new -------------------------------------------------------------------------------


def changed(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> set[str]:
    return {name for name in after if before.get(name) != after[name]}


def test_appended_rows_compute_only_the_shards_that_they_touch(tiny_workspace, tmp_path, small_shards):
    forget_derived(tiny_workspace)
    tiny_workspace.precompute(CPU)
    steps = [each.step for each in tiny_workspace.manifest.checkpoints]
    before = shards_of(tiny_workspace)
    assert len(before) == 8 * len(steps)
    source = write_rows(tmp_path / "more.jsonl", tiny_rows(9, 500))
    tiny_workspace.append(train=str(source))
    with pytest.raises(InputError, match="index stale"):
        tiny_workspace.explain("a dull film")
    tiny_workspace.precompute(CPU)
    after = shards_of(tiny_workspace)
    # 60 rows filled 7 shards and half of the eighth; 69 fill 8 and half of a ninth.
    assert changed(before, after) == {
        f"rows/{step}/shard-{number:06d}.safetensors" for step in steps for number in (7, 8)
    }
    assert_as_if_new(tiny_workspace, tmp_path)
    explanation = tiny_workspace.explain("a gorgeous film with a witty story", k=60)
    assert any("appended after the training" in line for line in explanation.notes)
    assert len(explanation.proponents) + len(explanation.opponents) == 69
    for score in ("dot", "cosine", "ekfac"):
        default = tiny_workspace.explain("a gorgeous film", k=5, score=score)
        exact = tiny_workspace.explain("a gorgeous film", k=5, score=score, exact=True)
        for one, other in zip(default.proponents, exact.proponents, strict=True):
            assert one.score == pytest.approx(other.score, rel=0.02)


def test_texts_of_which_the_model_sees_no_token_are_counted(tiny_workspace, tmp_path, small_shards):
    tiny_workspace.precompute(CPU)
    assert "texts_without_tokens" not in tiny_workspace.status()["artifacts"]["rows"]
    rows = tiny_rows(12, 500)
    for row, text in zip(rows, ["日本", "\u200b", "日本 語 €", "日本 a"], strict=False):
        row["text"] = text
    tiny_workspace.append(train=str(write_rows(tmp_path / "more.jsonl", rows)))
    tiny_workspace.precompute(CPU)
    tokenizer = load_tokenizer(tiny_workspace.folder.tokenizer_path(tiny_workspace.manifest))
    encoded = [tokenizer(text)["input_ids"] for text in tiny_workspace.train_split.texts]
    expected = sum(set(ids) <= set(tokenizer.all_special_ids) for ids in encoded)
    assert expected >= 3
    assert tiny_workspace.status()["artifacts"]["rows"]["texts_without_tokens"] == expected


def assert_as_if_new(workspace: Workspace, tmp_path: Path) -> None:
    """All derived from scratch gives the same rows and scores."""
    copy = Workspace.open(shutil.copytree(workspace.path, tmp_path / "copy"))
    forget_derived(copy)
    copy.precompute(CPU)
    assert shards_of(copy) == shards_of(workspace)
    assert scores(copy) == scores(workspace)


def test_a_further_checkpoint_computes_only_its_own_rows(tiny_workspace, tmp_path):
    workspace = without_model(tmp_path, 40)
    run = tiny_workspace.folder.checkpoints
    workspace.attach(run, count=2)
    workspace.precompute(CPU)
    before = shards_of(workspace)
    assert len(workspace.manifest.checkpoints) == 2
    workspace.attach(run, count=3)
    assert workspace.status()["artifacts"]["rows"]["state"] == "stale"
    workspace.precompute(CPU)
    after = shards_of(workspace)
    known = {name.split("/")[1] for name in before}
    assert {name.split("/")[1] for name in changed(before, after)}.isdisjoint(
        known & {str(each.step) for each in workspace.manifest.checkpoints}
    )
    assert len(workspace.manifest.checkpoints) == 3
    assert_as_if_new(workspace, tmp_path)


def test_changed_labels_or_settings_are_other_rows(tiny_workspace, small_shards):
    forget_derived(tiny_workspace)
    tiny_workspace.precompute(CPU)
    before = shards_of(tiny_workspace)
    tiny_workspace.precompute(PrecomputeSettings(device="cpu", attention="sdpa"))
    assert changed(before, shards_of(tiny_workspace)) == before.keys()
    assert tiny_workspace.manifest.artifacts["rows"].details["attention"] == "sdpa"
    tiny_workspace.precompute(PrecomputeSettings(device="cpu"))  # auto keeps what is there
    assert tiny_workspace.manifest.artifacts["rows"].details["attention"] == "sdpa"


# -- row stores -------------------------------------------------------------------------------------


@pytest.mark.parametrize("row_store", ["full", "int8", "pca:8"])
def test_every_row_store_says_what_it_costs_and_keeps_to_it(tiny_workspace, row_store):
    tiny_workspace.precompute(PrecomputeSettings(device="cpu", row_store=row_store))
    details = tiny_workspace.manifest.artifacts["rows"].details
    assert details["row_store"] == row_store
    assert details["bytes"] == pytest.approx(details["predicted_bytes"], rel=0.15)
    fidelity = details["fidelity"]
    assert fidelity["rank_correlation"] > (0.8 if row_store == "pca:8" else 0.999)
    if row_store == "full":
        assert (fidelity["recall_proponents"], fidelity["recall_opponents"]) == (1.0, 1.0)
    assert tiny_workspace.verify() == []
    default = tiny_workspace.explain("a witty film with a dull story", k=3)
    exact = tiny_workspace.explain("a witty film with a dull story", k=3, exact=True)
    close = {"full": 1e-4, "int8": 0.02, "pca:8": 0.3}[row_store]
    for one, other in zip(default.proponents, exact.proponents, strict=True):
        assert one.score == pytest.approx(other.score, rel=close)
        assert sum(word.score for word in one.words) + one.special == pytest.approx(one.score, rel=1e-4)
    if fidelity["recall_opponents"] < 0.99:
        assert any("Rows are stored as pca:8" in line for line in default.notes)
    tiny_workspace.precompute()  # keeps the store that is there
    assert tiny_workspace.manifest.artifacts["rows"].details["row_store"] == row_store


def test_a_lost_basis_is_said_and_made_again(tiny_workspace):
    tiny_workspace.precompute(PrecomputeSettings(device="cpu", row_store="pca:8"))
    before = scores(tiny_workspace)
    for path in tiny_workspace.folder.rows.glob("*/basis-pca-8.safetensors"):
        path.unlink()
    with pytest.raises(
        InputError, match=r"basis-pca-8\.safetensors: damaged or missing; run `python -m backend"
    ):
        Workspace.open(tiny_workspace.path).explain("a dull film")
    fresh = Workspace.open(tiny_workspace.path)
    fresh.precompute()
    assert scores(fresh) == pytest.approx(before)


def test_a_stopped_change_of_the_store_leaves_the_old_rows_readable_and_is_remembered(
    tiny_workspace, monkeypatch
):
    tiny_workspace.precompute(PrecomputeSettings(device="cpu", row_store="pca:8"))
    before = scores(tiny_workspace)

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(precompute, "prepare", lambda *a: (original(*a), stop()))
        with pytest.raises(KeyboardInterrupt):
            tiny_workspace.precompute(PrecomputeSettings(device="cpu", row_store="pca:16"))
    assert scores(Workspace.open(tiny_workspace.path)) == before
    with monkeypatch.context() as patched:
        patched.setattr(precompute, "compute_shards", stop)
        with pytest.raises(KeyboardInterrupt):
            tiny_workspace.precompute(PrecomputeSettings(device="cpu", row_store="pca:16"))
    tiny_workspace.precompute()
    assert tiny_workspace.manifest.artifacts["rows"].details["row_store"] == "pca:16"
    assert not list(tiny_workspace.folder.rows.glob("*/basis-pca-8.safetensors"))
    assert tiny_workspace.verify() == []


original = precompute.prepare


def test_an_older_format_is_not_used(tiny_workspace, monkeypatch):
    monkeypatch.setattr(precompute, "READ_FORMATS", (99,))
    assert not precompute.rows_are_current(tiny_workspace.folder, CPU)


def test_a_damaged_shard_never_reaches_compiled_code(tiny_workspace):
    """Numbers that point outside are refused when the file is opened, or count as no token."""
    step = tiny_workspace.manifest.checkpoints[0].step
    path = shard_path(tiny_workspace.folder.rows, step, 0)
    content = path.read_bytes()
    offsets, tokens = (Shard(path).tensors[name].tobytes() for name in ("offsets", "tokens"))
    path.write_bytes(content.replace(offsets, np.full(len(offsets) // 8, 2**40).tobytes()))
    with pytest.raises(InputError, match="damaged or missing"):
        Workspace.open(tiny_workspace.path).explain("a dull film")
    path.write_bytes(content.replace(tokens, np.full(len(tokens) // 4, -(2**30), dtype=np.int32).tobytes()))
    searcher = Workspace.open(tiny_workspace.path).explainer("cpu").searcher
    traced = Workspace.open(tiny_workspace.path).explainer("cpu").checkpoints
    query = traced.trace(traced.encode(Examples.one("a dull film")), [0])[0]
    assert np.isfinite(searcher.many_scores([searcher.ask(query, MODES["dot"])])).all()
    assert len(tiny_workspace.verify()) == 1


def test_more_dimensions_than_there_are_is_one_line(tiny_workspace):
    with pytest.raises(
        InputError, match=r"--row-store pca:999: the embeddings have 32 dimensions; keep fewer"
    ):
        tiny_workspace.precompute(PrecomputeSettings(device="cpu", row_store="pca:999"))


def test_a_row_store_that_cannot_be_is_refused_before_it_is_remembered(tiny_workspace):
    with pytest.raises(InputError, match="pca:9999: the embeddings have"):
        tiny_workspace.precompute(PrecomputeSettings(row_store="pca:9999"))
    tiny_workspace.precompute()
    assert tiny_workspace.explain("a witty film").proponents


def test_a_full_disk_is_refused_before_anything_is_written(tiny_workspace, monkeypatch):
    before = shards_of(tiny_workspace)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 1000))
    with pytest.raises(
        InputError, match=r"1.0 kB free, but rows and index would take about \d+ kB; .*--row-store pca:64"
    ):
        tiny_workspace.precompute(PrecomputeSettings(device="cpu", row_store="full"))
    assert shards_of(tiny_workspace) == before
    assert tiny_workspace.folder.state("index") == "current"


def test_rows_of_a_diverged_model_are_refused(tiny_workspace, monkeypatch):
    monkeypatch.setattr(precompute, "load_for_tracing", broken(precompute.load_for_tracing))
    for path in tiny_workspace.folder.rows.glob("*/shard-*"):
        path.unlink()
    with pytest.raises(InputError, match="gradients are not finite"):
        tiny_workspace.precompute(CPU)


def broken(load):
    def loaded(*arguments):
        model = load(*arguments)
        model.get_input_embeddings().weight.data.fill_(float("nan"))
        return model

    return loaded


# -- tokens -----------------------------------------------------------------------------------------


def test_tokens_are_made_once_and_again_where_damaged(tiny_workspace, small_shards, monkeypatch):
    folder, manifest = tiny_workspace.folder, tiny_workspace.manifest
    tokenizer = load_tokenizer(folder.tokenizer_path(manifest))
    table = tokenise(folder, "train", tokenizer, 32)
    first = [each.examples() for each in table.shards()]
    assert sum(len(each) for each in first) == len(tiny_workspace.train_split)
    written = []
    original = token_table._write
    monkeypatch.setattr(
        token_table, "_write", lambda path, *rest: written.append(path.name) or original(path, *rest)
    )
    tokenise(folder, "train", tokenizer, 32)
    assert written == []
    path = folder.tokens / "train-000003.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    tokenise(folder, "train", tokenizer, 32)
    assert written == ["train-000003.safetensors"]
    assert [each.examples() for each in table.shards()] == first
    tokenise(folder, "train", tokenizer, 9)
    assert len(written) == 9
    assert (
        max(
            len(tokens)
            for shard in TokenTable(folder.tokens, "train", 60, "").shards()
            for tokens in shard.examples()
        )
        == 9
    )


def test_a_sample_is_rows_of_the_table(tiny_workspace, small_shards):
    tokenizer = load_tokenizer(tiny_workspace.folder.tokenizer_path(tiny_workspace.manifest))
    table = tokenise(tiny_workspace.folder, "train", tokenizer, 32)
    every = [tokens for shard in table.shards() for tokens in shard.examples()]
    positions, examples = table.sample(13)
    assert len(set(positions.tolist())) == 13
    assert examples == [every[each] for each in positions]
    assert len(table.sample(1000)[1]) == 60


def test_counted_rows_are_those_of_the_shards(tiny_workspace):
    table = TokenTable(tiny_workspace.folder.tokens, "train", 60, "")
    rows, tokens = map(sum, zip(*(each.count_rows() for each in table.shards()), strict=True))
    stored = open_rows(tiny_workspace.folder).stores[0].shards
    assert rows == sum(len(shard.tokens) for shard in stored)
    assert tokens == rows + sum(len(shard.part_rows) for shard in stored)


# -- plan -------------------------------------------------------------------------------------------


def planned(workspace: Workspace, asked: PrecomputeSettings, passes: int = 100_000) -> Plan:
    folder, manifest = workspace.folder, workspace.manifest
    tokenizer = load_tokenizer(folder.tokenizer_path(manifest))
    examples = [Tokens([2, 5 + number % 7, 9, 3], None) for number in range(30)]
    sample = Sample(examples, [number % 2 for number in range(30)], examples[:5], [0] * 5)
    path = folder.checkpoint_path(manifest.checkpoints[-1])
    return make_plan(folder.rows, asked, passes, path, tokenizer, sample)


def test_little_work_is_not_measured(tiny_workspace):
    plain = planned(tiny_workspace, PrecomputeSettings(device="cpu"), passes=100)
    assert (plain.precision, plain.attention, plain.measured) == ("fp32", "eager", {})


def test_what_is_asked_for_is_taken(tiny_workspace):
    asked = planned(tiny_workspace, PrecomputeSettings("cpu", "bf16", "sdpa"))
    assert (asked.precision, asked.attention, asked.reason) == ("bf16", "sdpa", "as asked")


def test_a_plan_is_kept(tiny_workspace, monkeypatch):
    first = planned(tiny_workspace, PrecomputeSettings(device="cpu"))
    assert set(first.measured["examples_per_second"]) >= {"fp32 eager", "fp32 sdpa"}
    monkeypatch.setattr(plan, "_rate", lambda *_: pytest.fail("measured again"))
    assert planned(tiny_workspace, PrecomputeSettings(device="cpu")) == first


@pytest.mark.parametrize(
    ("rates", "recall", "expected"),
    [
        ((100, 100, 105, 105), 1.0, ("fp32", "eager")),
        ((100, 100, 300, 200), 1.0, ("bf16", "eager")),
        ((100, 150, 300, 200), 0.98, ("fp32", "sdpa")),
        ((100, 105, 100, 300), 0.99, ("bf16", "sdpa")),
    ],
)
def test_bf16_is_taken_where_it_is_faster_and_ranks_alike(
    tiny_workspace, monkeypatch, rates, recall, expected
):
    ways = [("fp32", "eager"), ("fp32", "sdpa"), ("bf16", "eager"), ("bf16", "sdpa")]
    known = dict(zip(ways, rates, strict=True))
    monkeypatch.setattr(plan, "fast_bf16", lambda _: True)
    monkeypatch.setattr(plan, "_rate", lambda *a: known[a[-1].precision, a[-1].attention])
    found = compare(np.eye(4), np.eye(4), 2)
    monkeypatch.setattr(type(found), "recall", recall)
    monkeypatch.setattr(plan, "_bf16_fidelity", lambda *_: found)
    chosen = planned(tiny_workspace, PrecomputeSettings(device="cpu"))
    assert (chosen.precision, chosen.attention) == expected


@pytest.mark.skipif(fast_bf16(TraceSettings("cpu").torch_device), reason="this machine has fast bf16")
def test_without_hardware_bf16_is_not_tried(tiny_workspace):
    chosen = planned(tiny_workspace, PrecomputeSettings(device="cpu"))
    assert chosen.precision == "fp32"
    assert "no fast bf16" in chosen.reason


def test_bf16_rows_are_measured_against_fp32(tiny_workspace):
    tiny_workspace.precompute(PrecomputeSettings(device="cpu", precision="bf16"))
    details = tiny_workspace.manifest.artifacts["rows"].details
    assert details["precision"] == "bf16"
    assert 0.9 < details["fidelity"]["rank_correlation"] < 1.0


# -- fidelity ---------------------------------------------------------------------------------------


def test_agreement_of_rankings():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(5, 40))
    same = compare(truth, 3 * truth)
    assert (same.recall, same.rank_correlation) == (1.0, pytest.approx(1.0))
    opposite = compare(truth, -truth)
    assert (opposite.recall, opposite.rank_correlation) == (0.0, pytest.approx(-1.0))
    swapped = truth.copy()
    order = np.argsort(-truth[0])
    swapped[0, order[[9, 10]]] = truth[0, order[[10, 9]]]
    assert compare(truth, swapped).recall_proponents == pytest.approx(1 - 0.1 / 5)
    assert compare(truth, swapped).recall_opponents == 1.0


def test_ties_with_the_last_of_the_top_count():
    truth = np.array([[5.0, 1.0, 1.0, 1.0, 0.0]])
    assert compare(truth, np.array([[5.0, 0.9, 0.8, 1.0, 0.0]]), 2).recall_proponents == 1.0


def test_long_texts_make_more_shards_and_the_same_answers(tiny_template, tmp_path, monkeypatch):
    """A run that is stopped goes on; appended rows leave the shards before them as they are."""
    plain, split = (Workspace.open(shutil.copytree(tiny_template, tmp_path / name)) for name in "ab")
    forget_derived(split)
    monkeypatch.setattr(layout, "SHARD_BYTES", 20_000)
    for each in (plain, split):
        each.precompute(CPU)
    steps = len(split.manifest.checkpoints)
    recorded = [each.manifest.artifacts["rows"].details for each in (plain, split)]
    assert recorded[0]["shards"] == 1 and len(shards_of(plain)) == steps
    assert 3 < recorded[1]["shards"] == len(shards_of(split)) / steps < 60
    for each in ("dot", "cosine", "ekfac"):
        one, other = (_all_scores(ws, each) for ws in (plain, split))
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6 * np.abs(one).max())
    one, other = (each.predictions("train") for each in (plain, split))
    np.testing.assert_allclose(one.outputs, other.outputs, atol=1e-6)
    assert split.verify() == [] and split.status()["next"] is None
    before = shards_of(split)
    split.append(train=str(write_rows(tmp_path / "more.jsonl", tiny_rows(9, 500))))
    split.precompute(CPU)
    after = shards_of(split)
    lost = {name for name, mark in before.items() if after.get(name) != mark}
    assert len(after) > len(before) and lost <= {
        max(name for name in before if name.startswith(f"rows/{each.step}/"))
        for each in split.manifest.checkpoints
    }, "of each checkpoint no shard but the last, which has grown"


def _all_scores(workspace: Workspace, score: str) -> np.ndarray:
    """Influence of all training rows on one text, by the stored rows."""
    explainer = workspace.explainer("cpu")
    traced = explainer.checkpoints.trace(explainer.checkpoints.encode(Examples.one("a dull film")), [0])[0]
    searcher = explainer.searcher
    return searcher.many_scores([searcher.ask(traced, MODES[score])])[0]


@pytest.mark.parametrize("lost", [False, True])
def test_shards_of_whole_blocks_are_divided_and_not_computed_again(tiny_workspace, monkeypatch, lost):
    """As format 4 left them: read as they are, divided by the next run; what is lost is computed in parts."""
    tiny_workspace.precompute(CPU)
    whole, before = shards_of(tiny_workspace), _all_scores(tiny_workspace, "dot")
    folder, steps = tiny_workspace.folder, len(tiny_workspace.manifest.checkpoints)
    known = json.loads((folder.rows / "rows.json").read_text())
    info = RowsInfo(known["artifact"], known["row_store"], known["keys"])
    info.write(folder.rows)  # says nothing of shards, as format 4
    assert precompute.rows_are_current(folder, CPU) and tiny_workspace.verify() == []
    written: list[int] = []
    original = precompute.write_shard
    monkeypatch.setattr(layout, "SHARD_BYTES", 20_000)
    monkeypatch.setattr(precompute, "write_shard", lambda *a: written.append(len(a[1])) or original(*a))
    if lost:
        (tiny_workspace.path / next(iter(whole))).unlink()
    folder.forget("rows")
    tiny_workspace.precompute(CPU)
    parts = tiny_workspace.manifest.artifacts["rows"].details["shards"]
    assert len(shards_of(tiny_workspace)) == parts * steps > len(whole)
    assert len(written) == (parts if lost else 0) and sum(written) == (60 if lost else 0)
    assert tiny_workspace.verify() == []
    after = _all_scores(Workspace.open(tiny_workspace.path), "dot")
    np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-7 * np.abs(before).max())


def test_more_shards_than_files_can_be_open_are_refused_before_the_work(tiny_workspace, monkeypatch):
    monkeypatch.setattr(layout, "SHARD_BYTES", 5_000)
    monkeypatch.setattr(preparation, "allow_many_files", lambda: 300)
    tiny_workspace.folder.forget("rows")
    before = shards_of(tiny_workspace)
    with pytest.raises(InputError, match=r"would be [\d,]+ files, all open .* allows 300 \(ulimit -Hn\)"):
        tiny_workspace.precompute(CPU)
    assert shards_of(tiny_workspace) == before


def test_a_division_that_is_killed_goes_on(tiny_workspace, monkeypatch):
    tiny_workspace.precompute(CPU)
    monkeypatch.setattr(layout, "SHARD_BYTES", 20_000)
    original, left = division.write_tensors, [4]

    def killed(*given):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        original(*given)

    tiny_workspace.folder.forget("rows")
    with monkeypatch.context() as patch:
        patch.setattr(division, "write_tensors", killed)
        with pytest.raises(KeyboardInterrupt):
            tiny_workspace.precompute(CPU)
    monkeypatch.setattr(precompute, "traced_batches", None)  # nothing is computed
    precompute.compute_rows(tiny_workspace.folder, CPU)
    assert tiny_workspace.folder.state("rows") == "current" and len(shards_of(tiny_workspace)) > 3


def test_every_shard_key_is_in_the_list(tiny_workspace, small_shards):
    forget_derived(tiny_workspace)
    tiny_workspace.precompute(CPU)
    folder, manifest = tiny_workspace.folder, tiny_workspace.manifest
    info = RowsInfo.read(folder.rows, manifest.artifacts["rows"].id)
    checkpoint = manifest.checkpoints[0]
    assert missing_shards(folder, manifest, info, checkpoint) == []
    shard_path(folder.rows, checkpoint.step, 2 * SMALL).unlink()
    assert missing_shards(folder, manifest, info, checkpoint) == [2]
    assert json.loads((folder.rows / "rows.json").read_text())["row_store"] == "int8"
    assert (
        Shard(shard_path(folder.rows, checkpoint.step, 3 * SMALL)).metadata["key"]
        == info.keys[str(checkpoint.step)][3]
    )


def test_predictions_of_a_few_rows_read_their_shards_alone(small_shards, tmp_path, monkeypatch):
    workspace = build_tiny(tmp_path / "tiny")
    whole = workspace.predictions("train").table
    read: list[list[int]] = []
    groups = pq.ParquetFile.read_row_groups

    def watched(self, numbers, **options):
        read.append(list(numbers))
        return groups(self, numbers, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", watched)
    monkeypatch.setattr(pq.ParquetFile, "read", None)
    for places in ([0], [59, 3, 58, 3], list(range(60)), []):
        found = workspace.predictions_at("train", places).table
        assert found == whole.take(np.array(places, dtype=np.int64))
    assert read[:2] == [[0], [0, 7]]
