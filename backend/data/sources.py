"""Finding out what a source is (file, `datasets` folder, hub id) and reading it."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from backend.data.columns import Columns
from backend.data.encoding import well_encoded
from backend.data.messages import first_line, shown_name, shown_value
from backend.data.nested import with_nested
from backend.data.read_csv import first_csv, read_csv
from backend.data.read_datasets import (
    Role,
    first_hub,
    first_saved,
    is_saved,
    is_saved_dict,
    read_hub,
    read_saved,
)
from backend.data.read_fasttext import read_fasttext
from backend.data.read_jsonl import first_jsonl, read_jsonl
from backend.data.read_parquet import first_parquet, read_parquet
from backend.data.rejected import Rejections
from backend.data.rows import Rows
from backend.data.stream import LOOK_BYTES, size_limit
from backend.errors import InputError

CSV = {".csv": ",", ".tsv": "\t"}
JSON = (".jsonl", ".ndjson", ".json-lines", ".json")
FASTTEXT = (".txt", ".ft")
PARQUET = (".parquet",)
SUPPORTED = (
    "supported are .csv, .tsv, .jsonl, .ndjson, .json-lines, .json, fastText's .txt and .ft "
    "(each also with .gz), .parquet, a folder written by datasets.save_to_disk, or a hub id like owner/name"
)
_HUB = re.compile(r"(?P<name>[\w.-]+(/[\w.-]+)?)(@(?P<config>[\w.+-]+))?(:(?P<split>[\w.-]+))?")
# A name that ends like this was meant as a file, not as a hub id.
_FILE_LIKE = re.compile(
    r".*\.(csv|tsv|jsonl|ndjson|json-lines|json|parquet|gz|zip|txt|ft|xlsx?|arrow|feather|pkl|pickle|npy|npz|db|xml)"
)


@dataclass(frozen=True)
class Read:
    """Rows of one role, and how many rows of the source serve no role, by name of their split."""

    rows: Rows
    left_out: dict[str, int] = field(default_factory=dict)


def read(source: str, role: Role, columns: Columns, rejections: Rejections) -> Read:
    """Read the part of ``source`` that serves ``role``: a whole file, or one split of several.

    Raises `InputError` if it does not exist, is of no supported kind, damaged or too large.
    """
    limit, name = size_limit(), shown_name(source)
    path, split = _local(source)
    if path is None:
        hub = _hub(source)
        rows = read_hub(hub["name"], hub["config"], name, role, hub["split"], limit)
        return Read(with_nested(well_encoded(rows, columns, rejections), columns))
    if path.is_dir():
        if not is_saved(path):
            raise InputError(f"{name}: a folder, but not one written by datasets.save_to_disk; {SUPPORTED}")
        rows, left_out = read_saved(path, name, role, split, limit)
        return Read(with_nested(well_encoded(rows, columns, rejections), columns), left_out)
    return Read(with_nested(_read_file(path, name, columns, rejections, limit), columns))


def first_rows(source: str, most: int = 20) -> Rows:
    """The first rows of a source as they are, without reading the rest; `InputError` as in `read`.

    No more than `LOOK_BYTES` of a file are read: a server looks at what anyone sends.
    """
    limit, name = min(size_limit(), LOOK_BYTES), shown_name(source)
    path, split = _local(source)
    if path is None:
        hub = _hub(source)
        rows = first_hub(hub["name"], hub["config"], name, hub["split"], most)
    elif path.is_dir():
        if not is_saved(path):
            raise InputError(f"{name}: a folder, but not one written by datasets.save_to_disk; {SUPPORTED}")
        rows = first_saved(path, name, split, most)
    else:
        kind = file_kind(path.name)
        if kind in CSV:
            rows = first_csv(path, name, CSV[kind], limit, most)
        elif kind in JSON:
            rows = first_jsonl(path, name, limit, most)
        elif kind in FASTTEXT:
            rows = read_fasttext(path, name, Rejections(skip_broken=True), limit, most)
        elif kind in PARQUET:
            rows = first_parquet(path, name, most)
        else:
            raise _unknown_kind(name)
    if not rows.table.num_columns or not len(rows):
        raise InputError(f"{name}: holds no row that can be read")
    rows.require(())
    return rows


def is_local(source: str) -> bool:
    """Whether ``source`` names something on this machine, not a hub id."""
    return _local(source)[0] is not None


def file_kind(name: str) -> str | None:
    """What the end of a file's name says it is, such as ".csv" (also of data.csv.gz); None if unsupported."""
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    zipped = suffixes[-1:] == [".gz"]
    kind = next(reversed(suffixes[:-1] if zipped else suffixes), "")
    return kind if kind in (*CSV, *JSON, *FASTTEXT) or (kind in PARQUET and not zipped) else None


def has_splits(source: str) -> bool:
    """Whether the source leaves it open which of several splits is meant: a hub id, a saved DatasetDict."""
    path, split = _local(source)
    return is_saved_dict(path) and split is None if path is not None else _hub(source)["split"] is None


def same_source(one: str, other: str) -> bool:
    """Whether two names mean the same split of the same file, folder or hub data set."""
    (path, split), (other_path, other_split) = _local(one), _local(other)
    if path is None or other_path is None:
        return one == other
    return split == other_split and path.samefile(other_path)


def _local(source: str) -> tuple[Path | None, str | None]:
    """The path that ``source`` names, and the split after a colon; no path if nothing is there."""
    try:
        path = Path(source).expanduser()
        if source and path.exists():
            return path, None
        base, _, split = source.rpartition(":")
        folder = Path(base).expanduser()
        if base and folder.is_dir():
            return folder, split
    except (OSError, ValueError, RuntimeError) as error:  # too long a name, a NUL, no such home
        raise InputError(f"{shown_value(source)}: not a usable path ({first_line(error)})") from error
    return None, None


def _hub(source: str) -> dict[str, str]:
    """Name, config and split of a hub id; `InputError` if ``source`` can only be a missing file."""
    match = _HUB.fullmatch(source)
    if match is None or "/" not in match["name"] or source.startswith(".") or _FILE_LIKE.fullmatch(source):
        raise InputError(f"{shown_name(source) or repr(source)}: no such file or folder; {SUPPORTED}")
    return match.groupdict()


def _read_file(path: Path, name: str, columns: Columns, rejections: Rejections, limit: int) -> Rows:
    kind = file_kind(path.name)
    if kind in CSV:
        return read_csv(path, name, CSV[kind], columns.as_written, rejections, limit)
    if kind in JSON:
        return read_jsonl(path, name, columns.texts, rejections, limit)
    if kind in FASTTEXT:
        return read_fasttext(path, name, rejections, limit)
    if kind in PARQUET:
        return well_encoded(read_parquet(path, name, limit), columns, rejections)
    raise _unknown_kind(name)


def _unknown_kind(name: str) -> InputError:
    return InputError(f"{name}: cannot read this kind of file; {SUPPORTED}")
