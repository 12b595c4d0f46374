"""The index of matches on disk: what the training rows say, sorted by how it goes on from each unit.

``matches/exact`` and, for texts that may differ in case and white space, ``matches/folded``: a folder each,
with the key of the rows that it was made of. Made when first asked for.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backend.data.dataset import Split
from backend.errors import InputError
from backend.files import digest, file_digest, read_json, replacing, write_json
from backend.folder import Folder
from backend.matches.corpus import Corpus, read_corpus, sorted_vocabulary
from backend.matches.suffixes import suffix_order
from backend.matches.units import folded
from backend.progress import Progress, silent
from backend.recorded import as_recorded

_VERSION = 1
_INFO, _VOCABULARY = "index.json", "vocabulary.arrow"
_ARRAYS = ("symbols", "order", "begins", "text", "row", "turn", "learnt")
_COLUMNS = ("unit", "blank")
_WIDTH = 4  # bytes of a symbol, the most significant first: bytes sort as numbers


@dataclass(frozen=True)
class MatchIndex:
    """Arrays as in `Corpus`, read from disk; ``order``: every place of ``symbols`` by what follows there."""

    fold: bool
    units: pa.Array
    blanks: pa.Array
    symbols: np.ndarray
    order: np.ndarray
    begins: np.ndarray
    text: np.ndarray
    row: np.ndarray
    turn: np.ndarray
    learnt: np.ndarray

    @cached_property
    def _bytes(self) -> memoryview:
        return memoryview(self.symbols.view(np.uint8))  # type: ignore[arg-type]

    @cached_property
    def _owners(self) -> np.ndarray:
        return np.repeat(np.arange(len(self.begins) - 1, dtype=np.int32), np.diff(self.begins))

    def numbers(self, unit: str, blank: str | None = None) -> tuple[int, int]:
        """First and last number of the symbols of a unit, with ``blank`` behind it; (n, n - 1) of none."""

        def key(place: int) -> tuple[str, ...]:
            own = self.units[place].as_py()
            return (own,) if blank is None else (own, self.blanks[place].as_py())

        places = range(len(self.units))
        wanted: tuple[str, ...] = (unit,) if blank is None else (unit, blank)
        first = bisect_left(places, wanted, key=key)
        return first + 1, bisect_right(places, wanted, lo=first, key=key)

    def slots(self, symbols: Sequence[int], last: tuple[int, int]) -> range:
        """Slots of ``order`` whose places begin with these symbols and then one of the numbers ``last``."""
        length = _WIDTH * (len(symbols) + 1)

        def key(place: int) -> bytes:
            start = _WIDTH * int(place)
            return bytes(self._bytes[start : start + length])

        low = bisect_left(self.order, _packed([*symbols, last[0]]), key=key)
        return range(low, bisect_right(self.order, _packed([*symbols, last[1]]), lo=low, key=key))

    def texts_at(self, places: np.ndarray) -> np.ndarray:
        """Which text each place of ``symbols`` lies in: int32."""
        return self._owners[places]

    def with_part(self, part: str, whole_start: bool, whole_end: bool) -> np.ndarray:
        """Whether the unit of a symbol begins with, ends with, or holds ``part``: bool, by number."""
        if whole_start:
            test = pc.starts_with
        else:
            test = pc.ends_with if whole_end else pc.match_substring
        found = test(self.units, part).to_numpy(zero_copy_only=False)
        return np.concatenate([[False], found])

    def with_blank(self, blank: str) -> np.ndarray:
        """Whether that is the white space of a symbol: bool, by number."""
        return np.concatenate([[False], pc.equal(self.blanks, blank).to_numpy(zero_copy_only=False)])


def _packed(symbols: Sequence[int]) -> bytes:
    return np.array(symbols, dtype=f">u{_WIDTH}").tobytes()


def index_of(corpus: Corpus, fold: bool) -> MatchIndex:
    """The index of what is said, in memory. ``fold``: units of the corpus are folded (`folded_corpus`)."""
    order = suffix_order(corpus.symbols)
    return MatchIndex(
        fold,
        pa.array([unit for unit, _ in corpus.vocabulary], pa.large_string()),
        pa.array([blank for _, blank in corpus.vocabulary], pa.large_string()),
        corpus.symbols.astype(f">u{_WIDTH}"),
        order.astype(np.uint32 if len(order) < 2**32 else np.int64),
        *(getattr(corpus, name) for name in _ARRAYS[2:]),
    )


def folded_corpus(exact: MatchIndex) -> Corpus:
    """What is said, case and white space aside."""
    pairs = zip(exact.units.to_pylist(), exact.blanks.to_pylist(), strict=True)
    vocabulary, renumbered = sorted_vocabulary([folded(*each) for each in pairs])
    return Corpus(vocabulary, renumbered[exact.symbols], *(getattr(exact, name) for name in _ARRAYS[2:]))


def open_index(folder: Folder, train: Split, fold: bool = False, progress: Progress = silent) -> MatchIndex:
    """The index of the training rows as they are now; made, if there is none of these rows.

    ``fold``: for texts that may differ in case and white space. `InputError` where rows are no conversations.
    """
    if train.examples.reading is None:
        raise InputError("matches are for language models (--task causal-lm)")
    path, key = _path(folder, fold), index_key(folder, fold)
    found = _read(path, key, fold)
    if found is None:
        exact = open_index(folder, train, False, progress) if fold else None
        corpus = read_corpus(train, progress) if exact is None else folded_corpus(exact)
        progress("sorting", 0, 1)
        made = index_of(corpus, fold)
        _write(path, key, made)
        progress("sorting", 1, 1)
        found = _read(path, key, fold) or made
    return found


def index_key(folder: Folder, fold: bool) -> str:
    """Changes with the training rows."""
    manifest = folder.manifest()
    return digest("matches", _VERSION, fold, manifest.artifacts["data"].id, manifest.data.file("train"))


def damaged_index(folder: Folder) -> list[Path]:
    """Files of current indexes that are not as they were written."""
    found = []
    for fold in (False, True):
        path = _path(folder, fold)
        info = read_json(path / _INFO) or {}
        if info.get("key") == index_key(folder, fold):
            files = info.get("files", {})
            found += [path / name for name in files if not as_recorded(path / name, files[name])]
    return found


def _path(folder: Folder, fold: bool) -> Path:
    return folder.matches / ("folded" if fold else "exact")


def _write(path: Path, key: str, index: MatchIndex) -> None:
    vocabulary = pa.table(dict(zip(_COLUMNS, (index.units, index.blanks), strict=True)))
    with replacing(path) as scratch:
        scratch.mkdir()
        for name in _ARRAYS:
            np.save(scratch / f"{name}.npy", getattr(index, name))
        with pa.ipc.new_file(scratch / _VOCABULARY, vocabulary.schema) as file:
            file.write_table(vocabulary)
        files = {each.name: file_digest(each) for each in sorted(scratch.iterdir())}
        write_json(scratch / _INFO, {"key": key, "files": files})


def _read(path: Path, key: str, fold: bool) -> MatchIndex | None:
    """The index of a key; None where there is none, or a file is missing or cut."""
    if (read_json(path / _INFO) or {}).get("key") != key:
        return None
    try:
        with pa.memory_map(str(path / _VOCABULARY)) as file:
            vocabulary = pa.ipc.open_file(file).read_all()
        arrays = [np.load(path / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS]
    except (OSError, EOFError, ValueError, pa.ArrowException):
        return None
    columns = (vocabulary.column(name).combine_chunks() for name in _COLUMNS)
    return MatchIndex(fold, *columns, *(each.view(np.ndarray) for each in arrays))
