"""The index: approximate influence of all examples, on host and device; refusal of what is damaged."""

from dataclasses import replace

import numpy as np
import pytest

from backend.data import shards as shards_module
from backend.errors import InputError
from backend.influence.answers.search import Searcher
from backend.influence.gradients.traced import TracedExample
from backend.influence.index import build as index_build
from backend.influence.index import scan as scan_module
from backend.influence.index.modes import MODES, factors
from backend.influence.index.moments import gather, moments_path
from backend.influence.index.row_index import IndexInfo, RowIndex, intact, write_info
from backend.influence.index.scan import DeviceScan
from backend.influence.rowstore.compression import RowCodec
from backend.model.tokenization import Encoded
from backend.progress import silent
from backend.workspace import Workspace
from tests.influence.test_store import VOCABULARY, WIDTH, dense, random_rows, write_all

COUNT = 40


def query_of(rng: np.random.Generator, tokens: list[int], checkpoints: int = 2) -> TracedExample:
    """A query that has each of ``tokens`` once."""
    nothing = Encoded(tokens, None, [(0, 0)] * len(tokens), [0] * len(tokens), False)
    rows = rng.normal(size=(checkpoints, len(tokens), WIDTH)).astype(np.float32)
    return TracedExample(nothing, np.arange(len(tokens)), np.array(tokens, dtype=np.int64), rows, norm=1.0)


def build(folder, stores, dimensions=WIDTH, artifact="i"):
    folder.mkdir(exist_ok=True)
    moments = index_build.gather_moments(folder, artifact, list(range(len(stores))), stores, WIDTH, silent)
    index_build.build_lists(folder, stores, moments, dimensions, silent)
    return moments


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Two checkpoints of 40 random examples in shards of 8: dense rows (2, 40, V, d), stores, index."""
    monkeypatch.setattr(shards_module, "SHARD_EXAMPLES", 8)
    monkeypatch.setattr(index_build, "_BLOCK_ROWS", 50)
    rng = np.random.default_rng(0)
    parts = [random_rows(rng, COUNT) for _ in range(2)]
    stores = [write_all(tmp_path / "rows", part, RowCodec("int8"), step) for step, part in enumerate(parts)]
    moments = build(tmp_path / "index", stores)
    index = RowIndex.open(tmp_path / "index", moments, stores)
    return np.stack([dense(part) for part in parts]), stores, index


def truth_of(rows: np.ndarray, query: TracedExample) -> np.ndarray:
    return np.einsum("cntd,ctd->n", rows[:, :, query.tokens], query.rows.astype(np.float64))


def test_scores_are_those_of_the_rows_up_to_8_bits(built):
    rows, _, index = built
    rng = np.random.default_rng(1)
    queries = [query_of(rng, tokens) for tokens in ([2, 5, 9], [0, 1, 2, 3, 4, 5], [11])]
    found = index.scores(queries)
    for query, scores in zip(queries, found, strict=True):
        truth = truth_of(rows, query)
        assert np.abs(scores - truth).max() < 0.05 * np.abs(truth).max()
        np.testing.assert_allclose(index.scores([query])[0], scores, atol=1e-5)


def test_many_small_ranges_and_threads_change_nothing(built, monkeypatch):
    _, _, index = built
    query = query_of(np.random.default_rng(2), [1, 4, 7])
    whole = index.scores([query])
    monkeypatch.setattr(
        scan_module.HostScan, "_ranges", lambda self, _: [range(a, a + 1) for a in range(COUNT)]
    )
    np.testing.assert_allclose(index.scores([query]), whole, atol=1e-6)


def test_a_device_adds_up_the_same(built, monkeypatch):
    _, _, index = built
    rng = np.random.default_rng(3)
    queries = [query_of(rng, [0, 3, 8]), query_of(rng, [3, 5])]
    on_host = index.scores(queries)
    monkeypatch.setattr(
        index, "_scan", DeviceScan(index._scan._data, COUNT, __import__("torch").device("cpu"))
    )
    np.testing.assert_allclose(index.scores(queries), on_host, atol=1e-4)


def test_tokens_that_never_occur_have_no_score(built):
    _, _, index = built
    rng = np.random.default_rng(4)
    assert not index.scores([query_of(rng, [VOCABULARY + 5])]).any()
    assert not index.scores([query_of(rng, [])]).any()


STORED = [mode for mode in MODES.values() if not mode.by_optimizer]


@pytest.mark.parametrize("mode", STORED, ids=lambda mode: mode.name)
def test_default_and_full_scan_agree_in_every_mode(built, mode):
    _, stores, index = built
    weights = np.array([0.5, 2.0])
    plain = [RowCodec("int8")] * 2
    full = Searcher(stores, plain, index.moments, weights, VOCABULARY + 10)
    default = Searcher(stores, plain, index.moments, weights, VOCABULARY + 10, index, {mode.name: 8})
    rng = np.random.default_rng(5)
    for tokens in ([2, 5, 9], [0, 1, 2, 3], [VOCABULARY + 5]):
        query = full.ask(query_of(rng, tokens), mode)
        expected, found = full.top(query, mode, 3), default.top(query, mode, 3)
        assert found.n_scored <= 16 < expected.n_scored == COUNT
        for end in ("proponents", "opponents"):
            one, other = getattr(expected, end), getattr(found, end)
            assert one.positions.tolist() == other.positions.tolist()
            np.testing.assert_allclose(one.terms, other.terms)


def test_moments_are_those_of_the_rows(built):
    _, stores, _ = built
    store = stores[1]
    rows = np.concatenate([shard.rows() for shard in store.shards]).astype(np.float64)
    tokens = np.concatenate([shard.tokens for shard in store.shards])
    norms = np.concatenate([shard.row_norms for shard in store.shards]).astype(np.float64)
    found = gather(store, WIDTH)
    assert found.tokens.tolist() == np.unique(tokens).tolist()
    second = rows.T @ rows / len(rows)
    np.testing.assert_allclose(found.basis * found.eigenvalues @ found.basis.T, second, atol=1e-5)
    np.testing.assert_allclose(found.mean_eigenvalue, (norms**2).mean() / WIDTH, rtol=1e-6)
    for place, token in enumerate(found.tokens):
        own = tokens == token
        assert found.shares[place] == pytest.approx(own.sum() / COUNT)
        assert found.squares[place] == pytest.approx((norms[own] ** 2).sum() / COUNT / WIDTH)
        squares = ((rows[own] @ found.basis) ** 2).sum(axis=0) / COUNT
        np.testing.assert_allclose(found.token_squares[place], squares, rtol=1e-4)
    inverse = np.linalg.inv(second + found.mean_eigenvalue * np.eye(WIDTH))
    owners = np.repeat(np.arange(COUNT), np.concatenate([np.diff(shard.offsets) for shard in store.shards]))
    own = np.bincount(owners, np.einsum("ij,jk,ik->i", rows, inverse, rows), minlength=COUNT)
    np.testing.assert_allclose(found.whitened, own, rtol=1e-3)


@pytest.mark.parametrize("mode", STORED, ids=lambda mode: mode.name)
def test_no_mode_makes_numbers_of_vanished_gradients(built, mode):
    _, _, index = built
    nothing = [
        replace(
            each,
            squares=0 * each.squares,
            eigenvalues=0 * each.eigenvalues,
            token_squares=0 * each.token_squares,
            mean_eigenvalue=0 * each.mean_eigenvalue,
        )
        for each in index.moments
    ]
    query = query_of(np.random.default_rng(8), [2, 5])
    with np.errstate(all="raise"):
        silent_query = replace(query, position_rows=0 * query.position_rows, norm=0.0)
        changed = mode.apply(silent_query, nothing, np.ones(2))
        assert not factors(np.zeros(3), 3).any()
    assert not changed.position_rows.any()


def test_moments_of_another_index_are_refused(built, tmp_path):
    with pytest.raises(ValueError, match="belongs to another index"):
        type(built[2].moments[0]).read(moments_path(tmp_path / "index", 0), "other")


def info_of(index: RowIndex, artifact: str = "i") -> IndexInfo:
    recall = {"dot": {"proponents": 1.0, "opponents": 1.0}}
    return IndexInfo(artifact, [0, 1], COUNT, index.dimensions, "SQ8", {"dot": 100}, recall, [])


def test_saved_and_loaded_it_answers_the_same(built, tmp_path):
    _, stores, index = built
    folder = tmp_path / "index"
    write_info(folder, info_of(index))
    assert intact(folder)
    moved = folder.rename(tmp_path / "elsewhere")
    loaded, info = RowIndex.load(moved, "i", stores)
    assert info == info_of(index)
    query = query_of(np.random.default_rng(6), [1, 4])
    np.testing.assert_array_equal(loaded.scores([query]), index.scores([query]))


@pytest.mark.parametrize("name", ["rows.faiss", "rows.lists", "moments-1.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "cut", "changed"])
def test_what_is_damaged_is_refused_or_found(built, tmp_path, name, damage):
    _, stores, index = built
    folder, path = tmp_path / "index", tmp_path / "index" / name
    write_info(folder, info_of(index))
    content = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    else:
        content[-5] ^= 1
        path.write_bytes(content if damage == "changed" else content[: len(content) // 2])
    assert not intact(folder)
    if damage != "changed":
        with pytest.raises(ValueError, match=r"damaged or missing|disagree"):
            RowIndex.load(folder, "i", stores)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"artifact": "i"}'])
def test_a_broken_description_is_refused(built, tmp_path, content):
    folder = tmp_path / "index"
    (folder / "index.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"index\.json: damaged or missing"):
        RowIndex.load(folder, "i", built[1])
    assert not intact(folder)


def test_an_index_for_other_modes_is_refused_and_made_anew(tiny_workspace, monkeypatch):
    """Its candidates were measured with another damping: what it would find is not known."""
    ekfac = replace(MODES["ekfac"], damping=7.0)
    monkeypatch.setitem(MODES, "ekfac", ekfac)
    with pytest.raises(InputError, match="by an older Firstword; run"):
        Workspace.open(tiny_workspace.path).explain("a witty film")
    tiny_workspace.precompute()
    assert Workspace.open(tiny_workspace.path).explain("a witty film").proponents
