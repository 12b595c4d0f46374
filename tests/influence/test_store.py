"""Shards on disk: whole, mapped, bound to their key; products are the dense ones, in every row store."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.data import shards as shards_module
from backend.data.shards import shard_ranges
from backend.influence.gradients.token_rows import TokenRows, example_norms
from backend.influence.rowstore import layout
from backend.influence.rowstore import shard as shard_module
from backend.influence.rowstore.compression import RowCodec, decode, fit_basis, quantise
from backend.influence.rowstore.layout import RowsInfo, shard_path, spans_from, split_block
from backend.influence.rowstore.outputs import LOGITS, Ragged, packed, unpacked
from backend.influence.rowstore.shard import Shard, usable_shard, write_shard, write_tensors
from backend.influence.rowstore.store import RowStore, TracedRows

VOCABULARY, WIDTH, STEP = 12, 6, 7
FULL = RowCodec("full")


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


def write_all(
    folder, part: TokenRows, codec: RowCodec = FULL, step: int = STEP, starts: list[int] | None = None
) -> RowStore:
    """Write all shards and open them; ``starts``: of shards that are not whole blocks."""
    keys, count = [], len(part)
    for number, positions in enumerate(spans_from(starts, count) if starts else shard_ranges(count)):
        low, high = part.offsets[positions.start], part.offsets[positions.stop]
        first, last = np.searchsorted(part.part_rows, [low, high])
        piece = TokenRows(
            part.offsets[positions.start : positions.stop + 1] - low,
            part.tokens[low:high],
            part.rows[low:high],
            part.part_rows[first:last] - low,
            part.parts[first:last],
        )
        keys.append(f"k{number}")
        logits = np.stack([positions, positions], axis=1).astype(np.float32)
        write_shard(shard_path(folder, step, positions.start), piece, {LOGITS: logits}, codec, keys[-1])
    return RowStore(folder, step, count, RowsInfo("a", codec.name, {str(step): keys}, starts))


def codecs(part: TokenRows) -> list[RowCodec]:
    basis = fit_basis(part.rows, WIDTH) if len(part.rows) else np.eye(WIDTH, dtype=np.float32)
    return [FULL, RowCodec("int8"), RowCodec(f"pca:{WIDTH}", basis)]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(shards_module, "SHARD_EXAMPLES", 4)


@given(seed=st.integers(0, 10_000), count=st.integers(1, 14), store=st.sampled_from([0, 1, 2]))
@settings(max_examples=40, deadline=None)
def test_products_are_the_dense_ones(tmp_path_factory, seed, count, store):
    rng = np.random.default_rng(seed)
    part = random_rows(rng, count)
    codec = codecs(part)[store]
    rows = write_all(tmp_path_factory.mktemp("rows"), part, codec)
    tokens = np.sort(rng.choice(VOCABULARY, 4, replace=False))
    query = rng.normal(size=(4, WIDTH)).astype(np.float32)
    asked = np.ascontiguousarray(codec.project(query))
    slots = np.full(VOCABULARY, -1, dtype=np.int64)
    slots[tokens] = np.arange(4)
    examples = np.flatnonzero(rng.random(count) < 0.7)
    terms = np.zeros((len(examples), 4))
    rows.add_terms(terms, examples, slots, asked)
    truth = np.einsum("ntd,td->nt", dense(part)[:, tokens], query.astype(np.float64))
    close = 1e-5 if codec.name == "full" else 0.2
    np.testing.assert_allclose(terms, truth[examples], atol=close)
    scores = np.zeros((2, count))
    for number in rows.numbers:
        rows.add_scores(number, scores, [slots, slots], [asked, 2 * asked])
    np.testing.assert_allclose(scores[0], truth.sum(axis=1), atol=4 * close)
    np.testing.assert_allclose(scores[1], 2 * scores[0], rtol=1e-5, atol=1e-6)
    in_memory = np.zeros((count, 4))
    TracedRows(part, range(count)).add_terms(in_memory, np.arange(count), slots, query)
    np.testing.assert_allclose(in_memory, truth, atol=1e-5)


@given(st.lists(st.lists(st.floats(-1e6, 1e6, width=32), min_size=5, max_size=5), min_size=0, max_size=6))
@settings(max_examples=60)
def test_a_quantised_number_is_off_by_half_a_step_at_most(rows):
    rows = np.array(rows, dtype=np.float32).reshape(-1, 5)
    codes, scales = quantise(rows)
    assert codes.dtype == np.int8
    assert np.abs(codes.astype(int)).max(initial=0) <= 127
    error = np.abs(decode(codes, scales) - rows)
    assert (error <= scales[:, None] * 0.501 + 1e-30).all()


def test_a_basis_keeps_products_within_its_span():
    rng = np.random.default_rng(3)
    span = rng.normal(size=(3, 10))
    rows = (rng.normal(size=(50, 3)) @ span).astype(np.float32)
    codec = RowCodec("pca:3", fit_basis(rows, 3))
    np.testing.assert_allclose(codec.basis.T @ codec.basis, np.eye(3), atol=1e-5)
    query = rng.normal(size=(4, 10)).astype(np.float32)
    np.testing.assert_allclose(codec.project(rows) @ codec.project(query).T, rows @ query.T, atol=1e-3)
    np.testing.assert_allclose(codec.restore(codec.project(rows)), rows, atol=1e-4)


def test_codecs_have_different_ids():
    basis = np.eye(4, dtype=np.float32)
    ids = [each.id for each in (FULL, RowCodec("int8"), RowCodec("pca:4", basis), RowCodec("pca:4", -basis))]
    assert len(set(ids)) == 4


@pytest.mark.parametrize("which", [0, 1, 2])
def test_positions_of_a_token_sum_to_its_row(tmp_path, which):
    part = random_rows(np.random.default_rng(6), 9)
    codec = codecs(part)[which]
    store, in_memory = write_all(tmp_path, part, codec), TracedRows(part, range(9))
    owners = np.repeat(np.arange(9), np.diff(part.offsets))
    close = 1e-5 if codec.name == "full" else 0.1
    for row, (example, token) in enumerate(zip(owners, part.tokens, strict=True)):
        own = part.parts[part.part_rows == row]
        for found in (
            store.positions(int(example), int(token)),
            in_memory.positions(int(example), int(token)),
        ):
            assert len(found) == len(own) + 1
        found = codec.restore(store.positions(int(example), int(token)))
        np.testing.assert_allclose(found[:-1], own, atol=close)
        np.testing.assert_allclose(found.sum(axis=0), part.rows[row], atol=close)


def test_positions_of_a_token_that_is_not_there_are_none(tmp_path):
    part = random_rows(np.random.default_rng(6), 9)
    store, in_memory = write_all(tmp_path, part), TracedRows(part, range(9))
    for example in range(9):
        own = part.tokens[part.offsets[example] : part.offsets[example + 1]]
        for token in set(range(VOCABULARY)) - set(own.tolist()):
            assert store.positions(example, token).shape == (0, WIDTH)
            assert in_memory.positions(example, token).shape == (0, WIDTH)


def test_norms_are_those_of_the_whole_gradient():
    part = random_rows(np.random.default_rng(1), 9)
    np.testing.assert_allclose(example_norms(part), np.sqrt((dense(part) ** 2).sum(axis=(1, 2))), rtol=1e-5)


def test_norms_of_small_gradients_are_not_lost_beside_large_ones():
    part = random_rows(np.random.default_rng(1), 9)
    factors = np.repeat(10.0 ** -np.arange(9), np.diff(part.offsets)).astype(np.float32)
    small = TokenRows(part.offsets, part.tokens, part.rows * factors[:, None], part.part_rows, part.parts)
    np.testing.assert_allclose(example_norms(small), np.sqrt((dense(small) ** 2).sum(axis=(1, 2))), rtol=1e-5)


def test_a_shard_of_another_key_or_size_is_not_usable(tmp_path):
    write_all(tmp_path, random_rows(np.random.default_rng(2), 4))
    path = shard_path(tmp_path, STEP, 0)
    assert usable_shard(path, "k0", 4) is not None
    assert usable_shard(path, "b", 4) is None
    assert usable_shard(path, "k0", 3) is None
    assert usable_shard(tmp_path / "none", "k0", 4) is None


@pytest.mark.parametrize("keep", [0, 4, 40, -3])
def test_a_cut_shard_is_not_usable(tmp_path, keep):
    write_all(tmp_path, random_rows(np.random.default_rng(3), 4))
    path = shard_path(tmp_path, STEP, 0)
    path.write_bytes(path.read_bytes()[:keep])
    assert usable_shard(path, "k0", 4) is None
    with pytest.raises(ValueError, match=r"shard-000000\.safetensors: damaged or missing"):
        RowStore(tmp_path, STEP, 4, RowsInfo("a", "full", {str(STEP): ["k0"]}))


def test_a_changed_byte_is_found(tmp_path):
    write_all(tmp_path, random_rows(np.random.default_rng(4), 4), RowCodec("int8"))
    path = shard_path(tmp_path, STEP, 0)
    assert Shard(path).intact()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert not Shard(path).intact()


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(shard_module, "save_file", fail)
    with pytest.raises(OSError, match="disk full"):
        write_all(tmp_path, random_rows(np.random.default_rng(5), 4))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"artifact": "a"}', '{"artifact": "b", "row_store": "full", "keys": {}}']
)
def test_a_list_of_shards_that_is_damaged_or_anothers_is_refused(tmp_path, content):
    (tmp_path / "rows.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"rows\.json: (damaged or missing|belongs to other rows)"):
        RowsInfo.read(tmp_path, "a")


# -- which examples a shard holds -------------------------------------------------------------------


@given(
    lengths=st.lists(st.integers(0, 30), min_size=1, max_size=4),
    start=st.sampled_from([0, 4, 8]),
    limit=st.integers(1, 40),
)
def test_a_block_is_split_by_bytes(lengths, start, limit):
    block, bytes_each = range(start, start + len(lengths)), 4 * WIDTH
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "SHARD_BYTES", limit * bytes_each)
        parts = split_block(block, np.array(lengths), WIDTH)
    assert [each for part in parts for each in part] == list(block), "all, in order, once"
    held = [sum(lengths[each - start] for each in part) for part in parts]
    for tokens, part in zip(held, parts, strict=True):
        assert tokens <= limit or sum(lengths[each - start] > 0 for each in part) == 1
    for tokens, after in zip(held, parts[1:], strict=False):
        assert tokens + lengths[after.start - start] > limit, "no shard is smaller than it must be"


@given(seed=st.integers(0, 10_000), store=st.sampled_from([0, 1, 2]))
@settings(max_examples=20, deadline=None)
def test_shards_of_any_size_say_the_same(tmp_path_factory, seed, store):
    """`RowStore` answers from parts of blocks as it does from whole ones."""
    rng = np.random.default_rng(seed)
    part = random_rows(rng, 14)
    codec = codecs(part)[store]
    starts = sorted({0, 4, 8, 12, 13, *rng.choice(14, 5).tolist()})
    whole, split = (
        write_all(tmp_path_factory.mktemp("rows"), part, codec, starts=each) for each in (None, starts)
    )
    assert len(split.shards) == len(starts) > len(whole.shards)
    assert (split.logits() == whole.logits()).all() and (split.logits()[:, 0] == np.arange(14)).all()
    assert (split.norms() == whole.norms()).all()
    query = np.ascontiguousarray(codec.project(rng.normal(size=(3, WIDTH)).astype(np.float32)))
    slots = np.full(VOCABULARY, -1, dtype=np.int64)
    slots[np.sort(rng.choice(VOCABULARY, 3, replace=False))] = np.arange(3)
    examples = np.sort(rng.choice(14, 6, replace=False))
    terms = [np.zeros((6, 3)) for _ in range(2)]
    scores = [np.zeros((1, 14)) for _ in range(2)]
    for each, found, total in zip((whole, split), terms, scores, strict=True):
        each.add_terms(found, examples, slots, query)
        for number in each.numbers:
            each.add_scores(number, total, [slots], [query])
    assert (terms[0] == terms[1]).all() and (scores[0] == scores[1]).all()
    for example in range(14):
        number, local = split.locate(example)
        assert split.spans[number][local] == example
        for one, other in zip(whole.example(example), split.example(example), strict=True):
            assert (one == other).all()


@pytest.mark.parametrize("starts", [[], [1], [0, 4, 4], [0, 6, 4], [0, 9]])
def test_shards_out_of_order_are_refused(starts):
    with pytest.raises(ValueError, match="out of order"):
        RowsInfo("a", "full", {}, starts).spans(9)


def test_rows_of_other_sides_are_refused(tmp_path):
    RowsInfo("a", "full", {}, [0], ("encoder", "decoder")).write(tmp_path)
    with pytest.raises(ValueError, match="made by another version"):
        RowsInfo.read(tmp_path, "a")


# -- outputs by name --------------------------------------------------------------------------------


def test_outputs_come_back_by_name_ragged_or_not(tmp_path):
    part = random_rows(np.random.default_rng(6), 3)
    losses = Ragged(np.array([0, 2, 2, 5]), np.arange(5, dtype=np.float32))
    outputs = {"loss": losses, "values": np.ones((3, 2), dtype=np.float32)}
    path = tmp_path / "shard.safetensors"
    write_shard(path, part, outputs, FULL, "k")
    shard = usable_shard(path, "k", 3)
    assert shard is not None and list(shard.outputs) == ["loss", "values"] and shard.intact()
    found = shard.outputs["loss"]
    assert isinstance(found, Ragged) and len(found) == 3
    assert [found[each].tolist() for each in range(3)] == [[0, 1], [], [2, 3, 4]]
    assert (shard.outputs["values"] == 1).all()
    write_tensors(path, shard.piece(range(1, 3)), "p")
    piece = usable_shard(path, "p", 2)
    assert piece is not None and piece.intact()
    assert [piece.outputs["loss"][each].tolist() for each in (0, 1)] == [[], [2, 3, 4]]
    for example in (0, 1):
        for token in range(VOCABULARY):
            assert (piece.positions(example, token) == shard.positions(example + 1, token)).all()


def test_logits_of_an_earlier_format_are_an_output():
    logits = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert (unpacked({"logits": logits, "tokens": np.arange(3)}, 3)[LOGITS] == logits).all()
    assert (unpacked(packed({LOGITS: logits}), 3)[LOGITS] == logits).all()


@pytest.mark.parametrize("offsets", [[0, 2, 1, 5], [1, 2, 2, 5], [0, 2, 2, 6], [0, 5]])
def test_outputs_that_do_not_fit_are_refused(offsets):
    tensors = packed({"loss": Ragged(np.array(offsets), np.zeros(5, dtype=np.float32))})
    with pytest.raises(ValueError, match="output loss does not fit"):
        unpacked(tensors, 3)
    with pytest.raises(ValueError, match="output values does not fit"):
        unpacked(packed({"values": np.zeros((2, 2))}), 3)
