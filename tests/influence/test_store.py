"""Shards on disk: whole, mapped, bound to their artifact; scans agree with the dense product."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.influence import store as store_module
from backend.influence.gradients import TokenRows
from backend.influence.store import (
    RowStore,
    Shard,
    example_norms,
    shard_path,
    shard_ranges,
    usable_shard,
    write_shard,
)

VOCABULARY, WIDTH = 12, 5


def random_rows(rng: np.random.Generator, count: int) -> TokenRows:
    """Rows of random examples; some rows are the sum of two or three positions."""
    tokens = [np.sort(rng.choice(VOCABULARY, rng.integers(0, 7), replace=False)) for _ in range(count)]
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in tokens])]).astype(np.int64)
    flat = np.concatenate(tokens).astype(np.int32)
    part_rows = np.repeat(np.arange(len(flat)), rng.integers(0, 3, len(flat)))
    parts = rng.normal(size=(len(part_rows), WIDTH)).astype(np.float32)
    return TokenRows(offsets, flat, rng.normal(size=(len(flat), WIDTH)).astype(np.float32), part_rows, parts)


def dense(part: TokenRows) -> np.ndarray:
    matrix = np.zeros((len(part), VOCABULARY, WIDTH), dtype=np.float64)
    owner = np.repeat(np.arange(len(part)), np.diff(part.offsets))
    matrix[owner, part.tokens] = part.rows
    return matrix


def write_all(folder, part: TokenRows, artifact: str = "a") -> None:
    for number, positions in enumerate(shard_ranges(len(part))):
        low, high = part.offsets[positions.start], part.offsets[positions.stop]
        first, last = np.searchsorted(part.part_rows, [low, high])
        piece = TokenRows(
            part.offsets[positions.start : positions.stop + 1] - low,
            part.tokens[low:high],
            part.rows[low:high],
            part.part_rows[first:last] - low,
            part.parts[first:last],
        )
        write_shard(shard_path(folder, 7, number), piece, np.zeros((len(positions), 2)), artifact)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(store_module, "SHARD_EXAMPLES", 4)
    monkeypatch.setattr(store_module, "_BLOCK_ROWS", 3)


@given(seed=st.integers(0, 10_000), count=st.integers(1, 14))
@settings(max_examples=30, deadline=None)
def test_terms_are_the_dense_product(tmp_path_factory, seed, count):
    rng = np.random.default_rng(seed)
    folder, part = tmp_path_factory.mktemp("rows"), random_rows(rng, count)
    write_all(folder, part)
    store = RowStore(folder, 7, count, "a")
    tokens = np.sort(rng.choice(VOCABULARY, 4, replace=False))
    query = rng.normal(size=(4, WIDTH)).astype(np.float32)
    slots = np.full(VOCABULARY, -1, dtype=np.int64)
    slots[tokens] = np.arange(4)
    examples = np.flatnonzero(rng.random(count) < 0.7)
    terms = np.zeros((len(examples), 4))
    store.add_terms(terms, examples, slots, query)
    truth = np.einsum("ntd,td->nt", dense(part)[examples][:, tokens], query.astype(np.float64))
    np.testing.assert_allclose(terms, truth, atol=1e-5)


def test_positions_of_a_token_sum_to_its_row(tmp_path):
    part = random_rows(np.random.default_rng(6), 9)
    write_all(tmp_path, part)
    store = RowStore(tmp_path, 7, 9, "a")
    owners = np.repeat(np.arange(9), np.diff(part.offsets))
    for row, (example, token) in enumerate(zip(owners, part.tokens, strict=True)):
        found = store.positions(int(example), int(token))
        own = part.parts[part.part_rows == row]
        assert len(found) == len(own) + 1
        np.testing.assert_allclose(found[:-1], own)
        np.testing.assert_allclose(found.sum(axis=0), part.rows[row], atol=1e-5)


def test_norms_are_those_of_the_whole_gradient():
    part = random_rows(np.random.default_rng(1), 9)
    np.testing.assert_allclose(example_norms(part), np.sqrt((dense(part) ** 2).sum(axis=(1, 2))), rtol=1e-5)


def test_a_shard_of_another_artifact_or_size_is_not_usable(tmp_path):
    part = random_rows(np.random.default_rng(2), 4)
    write_all(tmp_path, part)
    path = shard_path(tmp_path, 7, 0)
    assert usable_shard(path, "a", 4) is not None
    assert usable_shard(path, "b", 4) is None
    assert usable_shard(path, "a", 3) is None
    assert usable_shard(tmp_path / "none", "a", 4) is None


@pytest.mark.parametrize("keep", [0, 4, 40, -3])
def test_a_cut_shard_is_not_usable(tmp_path, keep):
    write_all(tmp_path, random_rows(np.random.default_rng(3), 4))
    path = shard_path(tmp_path, 7, 0)
    path.write_bytes(path.read_bytes()[:keep])
    assert usable_shard(path, "a", 4) is None
    with pytest.raises(ValueError, match=r"shard-000000\.safetensors: damaged or missing"):
        RowStore(tmp_path, 7, 4, "a")


def test_a_changed_byte_is_found(tmp_path):
    write_all(tmp_path, random_rows(np.random.default_rng(4), 4))
    path = shard_path(tmp_path, 7, 0)
    assert Shard(path).intact()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert not Shard(path).intact()


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(store_module, "save_file", fail)
    with pytest.raises(OSError, match="disk full"):
        write_all(tmp_path, random_rows(np.random.default_rng(5), 4))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
