"""The index: one list per (checkpoint, token), candidates of both ends, refusal of what is damaged."""

import numpy as np
import pytest

from backend.influence import store as store_module
from backend.influence.index import IndexInfo, RowIndex
from backend.influence.store import RowStore, shard_path, write_shard
from backend.progress import silent
from tests.influence.test_store import VOCABULARY, WIDTH, dense, random_rows


@pytest.fixture
def built(tmp_path):
    """Two checkpoints of 40 random examples: their dense rows (2, 40, V, d) and their index."""
    rng = np.random.default_rng(0)
    parts = [random_rows(rng, 40) for _ in range(2)]
    for step, part in enumerate(parts):
        write_shard(shard_path(tmp_path, step, 0), part, np.zeros((40, 2)), "a")
    stores = [RowStore(tmp_path, step, 40, "a") for step in range(2)]
    return np.stack([dense(part) for part in parts]), RowIndex.build(stores, silent)


def test_candidates_are_the_best_and_worst_of_each_list(built):
    rows, index = built
    rng = np.random.default_rng(1)
    tokens = np.array([2, 5, 9])
    query = rng.normal(size=(2, 3, WIDTH)).astype(np.float32)
    found = set(index.candidates(tokens, query, 2).tolist())
    expected = set()
    for checkpoint in range(2):
        for slot, token in enumerate(tokens):
            owners = np.flatnonzero(np.abs(rows[checkpoint, :, token]).sum(axis=1) > 0)
            scores = rows[checkpoint, owners, token] @ query[checkpoint, slot]
            order = owners[np.argsort(-scores)]
            expected |= {*order[:2].tolist(), *order[-2:].tolist()}
    # 8-bit rows may swap near neighbours at the cut; there is room for one such swap a side.
    assert len(found & expected) >= len(expected) - 2
    assert len(found) <= len(expected) + 2


def test_all_of_every_list_is_every_example_that_shares_a_token(built):
    rows, index = built
    tokens = np.array([3, 7])
    query = np.ones((2, 2, WIDTH), dtype=np.float32)
    sharing = np.flatnonzero(np.abs(rows[:, :, tokens]).sum(axis=(0, 2, 3)) > 0)
    assert index.candidates(tokens, query, 40).tolist() == sharing.tolist()


def test_tokens_that_never_occur_have_no_candidates(built):
    _, index = built
    query = np.ones((2, 1, WIDTH), dtype=np.float32)
    assert index.candidates(np.array([VOCABULARY + 5]), query, 5).tolist() == []
    assert index.candidates(np.array([], dtype=np.int64), query[:, :0], 5).tolist() == []


def info_of(index: RowIndex, artifact: str = "i") -> IndexInfo:
    tokens = [each.tolist() for each in index.tokens]
    return IndexInfo(artifact, [0, 1], tokens, 40, WIDTH, "SQ8", 100, {"proponents": 1.0, "opponents": 1.0})


def test_saved_and_loaded_it_answers_the_same(built, tmp_path):
    _, index = built
    index.save(tmp_path / "index", info_of(index))
    loaded, info = RowIndex.load(tmp_path / "index", "i")
    assert info == info_of(index)
    query = np.random.default_rng(2).normal(size=(2, 2, WIDTH)).astype(np.float32)
    tokens = np.array([1, 4])
    assert loaded.candidates(tokens, query, 3).tolist() == index.candidates(tokens, query, 3).tolist()


@pytest.mark.parametrize("damage", ["missing file", "missing info", "cut", "other", "not json"])
def test_what_is_damaged_is_refused(built, tmp_path, damage):
    _, index = built
    folder = tmp_path / "index"
    index.save(folder, info_of(index))
    faiss_file, info_file = folder / "rows.faiss", folder / "index.json"
    if damage == "missing file":
        faiss_file.unlink()
    elif damage == "missing info":
        info_file.unlink()
    elif damage == "cut":
        faiss_file.write_bytes(faiss_file.read_bytes()[:50])
    elif damage == "not json":
        info_file.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"damaged or missing|belongs to other rows"):
        RowIndex.load(folder, "else" if damage == "other" else "i")


def test_examples_keep_their_number_across_shards(tmp_path, monkeypatch):
    for module in (store_module, __import__("backend.influence.index", fromlist=["x"])):
        monkeypatch.setattr(module, "SHARD_EXAMPLES", 4)
    from tests.influence.test_store import write_all

    part = random_rows(np.random.default_rng(5), 11)
    write_all(tmp_path, part)
    index = RowIndex.build([RowStore(tmp_path, 7, 11, "a")], silent)
    tokens = np.unique(part.tokens).astype(np.int64)
    query = np.ones((1, len(tokens), WIDTH), dtype=np.float32)
    assert index.candidates(tokens, query, 11).tolist() == np.flatnonzero(np.diff(part.offsets)).tolist()
