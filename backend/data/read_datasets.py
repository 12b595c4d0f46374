"""Reading folders written by `datasets.save_to_disk`, and data sets of the hub.

No code from the hub is ever run: `trust_remote_code` is not passed (and `datasets` has dropped it).
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from backend.data.export_target import HF_MANIFEST
from backend.data.messages import first_line, listing
from backend.data.rows import JSON_FIELD, Rows, is_text, parsed
from backend.data.stream import check_size
from backend.errors import InputError

if TYPE_CHECKING:
    import datasets

Role = Literal["train", "eval"]
PREFERRED: dict[Role, tuple[str, ...]] = {"train": ("train",), "eval": ("validation", "valid", "dev", "test")}


def is_saved(path: Path) -> bool:
    """Whether a folder was written by `save_to_disk`."""
    return (path / "dataset_info.json").is_file() or is_saved_dict(path)


def is_saved_dict(path: Path) -> bool:
    """Whether a folder holds several splits (a DatasetDict)."""
    return (path / "dataset_dict.json").is_file()


def read_saved(
    path: Path, name: str, role: Role, split: str | None, limit: int
) -> tuple[Rows, dict[str, int]]:
    """The split asked for, and the number of rows of each other split that serves no role."""
    import datasets

    try:
        loaded = datasets.load_from_disk(str(path))
    except Exception as error:  # the library raises errors of many unrelated types on a damaged folder
        raise InputError(f"{name}: not a readable datasets folder ({first_line(error)})") from error
    if isinstance(loaded, datasets.Dataset):
        if split is not None:
            raise InputError(f"{name}: this folder holds one split without a name; leave out ':{split}'")
        return _with_marks(_rows(name, loaded, limit), path), {}
    sizes = {str(each): loaded[each].num_rows for each in loaded}
    chosen = choose_split(name, list(sizes), role, split)
    used = {chosen, *(first for other in PREFERRED if (first := _preferred(list(sizes), other)))}
    left_out = {each: n for each, n in sizes.items() if each not in used}
    return _rows(name, loaded[chosen], limit), left_out


def read_hub(dataset: str, config: str | None, name: str, role: Role, split: str | None, limit: int) -> Rows:
    """A split of a hub data set; `InputError` in one line if the hub cannot be reached."""
    import datasets

    try:
        names = [split] if split else [str(s) for s in datasets.get_dataset_split_names(dataset, config)]
        chosen = choose_split(name, names, role, split)
        loaded = datasets.load_dataset(dataset, config, split=chosen)
    except InputError:
        raise
    except Exception as error:  # network, hub and builder errors share no base class
        raise InputError(
            f"{name}: no such file here, and the hub gives no data set of that name ({first_line(error)})"
        ) from error
    return _rows(name, loaded, limit)


def first_saved(path: Path, name: str, split: str | None, most: int) -> Rows:
    """The first rows of the split that serves training, or of ``split``."""
    import datasets

    try:
        loaded = datasets.load_from_disk(str(path))
    except Exception as error:  # as in `read_saved`
        raise InputError(f"{name}: not a readable datasets folder ({first_line(error)})") from error
    if isinstance(loaded, datasets.DatasetDict):
        loaded = loaded[choose_split(name, [str(each) for each in loaded], "train", split)]
    rows = Rows.of_table(name, loaded.select(range(min(most, loaded.num_rows))).with_format("arrow")[:])
    return replace(rows, stopped=len(rows) < loaded.num_rows)


def first_hub(dataset: str, config: str | None, name: str, split: str | None, most: int) -> Rows:
    """The first rows of a hub data set, without fetching the rest."""
    import datasets

    try:
        names = [split] if split else [str(s) for s in datasets.get_dataset_split_names(dataset, config)]
        chosen = choose_split(name, names, "train", split)
        rows = list(datasets.load_dataset(dataset, config, split=chosen, streaming=True).take(most))
        return replace(Rows.of_table(name, pa.Table.from_pylist(rows)), stopped=len(rows) == most)
    except InputError:
        raise
    except Exception as error:  # as in `read_hub`
        raise InputError(f"{name}: the hub gives no data set of that name ({first_line(error)})") from error


def choose_split(name: str, names: list[str], role: Role, split: str | None) -> str:
    """``split`` if given, else the usual one for ``role``; `InputError` if it is not there."""
    chosen = split if split is not None else _preferred(names, role)
    if chosen is None or chosen not in names:
        wanted = " or ".join(repr(each) for each in ((split,) if split else PREFERRED[role]))
        raise InputError(f"{name}: no split {wanted}; it has {listing(names)}, pick one as NAME:SPLIT")
    return chosen


def _preferred(names: list[str], role: Role) -> str | None:
    return next((each for each in PREFERRED[role] if each in names), None)


def _with_marks(rows: Rows, path: Path) -> Rows:
    """``rows`` of an earlier export with its JSON columns marked, as its manifest lists them."""
    try:
        names = json.loads((path / HF_MANIFEST).read_text(encoding="utf-8"))["json_columns"]
        marked = {name for name in names if name in rows.table.column_names and _holds_json(rows, name)}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):  # no export, or none that says so
        return rows
    fields = [each.with_metadata(JSON_FIELD) if each.name in marked else each for each in rows.table.schema]
    return replace(
        rows,
        table=pa.Table.from_arrays(rows.table.columns, schema=pa.schema(fields, rows.table.schema.metadata)),
    )


def _holds_json(rows: Rows, name: str) -> bool:
    try:
        parsed(rows.values(name))
    except (ValueError, TypeError, RecursionError):
        return False
    return is_text(rows.field(name).type)


def _rows(name: str, dataset: "datasets.Dataset", limit: int) -> Rows:
    check_size(name, dataset.data.nbytes, limit)
    arrow: Any = dataset.with_format("arrow")
    table = arrow[:].replace_schema_metadata(dataset.features.arrow_schema.metadata)
    return Rows.of_table(name, table)
