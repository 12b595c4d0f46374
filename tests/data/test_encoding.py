"""Text that is not UTF-8 in files whose format promises that it is."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backend.data.columns import Columns
from backend.errors import InputError
from tests.data.helpers import bring_in, jsonl, splits

GOOD = [f"row {i}".encode() for i in range(6)]


def unchecked(cells: list[bytes]) -> pa.Array:
    """A text column of any bytes: Arrow does not look at them here."""
    binary = pa.array(cells, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(cells), binary.buffers())


def source(tmp_path, **columns) -> str:
    labels = pa.array(["neg", "pos"] * 3)
    table = pa.table({"text": unchecked(GOOD), "label": labels, "id": unchecked(GOOD), **columns})
    pq.write_table(table, tmp_path / "t.parquet")
    return str(tmp_path / "t.parquet")


def damaged(place: int, good: list[bytes] = GOOD) -> list[bytes]:
    return [cell + b"\xff" if i == place else cell for i, cell in enumerate(good)]


@pytest.mark.parametrize("column", ["text", "label", "id"])
def test_rows_with_such_text_are_named_or_skipped(tmp_path, column):
    good = [b"neg", b"pos"] * 3 if column == "label" else GOOD
    train = source(tmp_path, **{column: unchecked(damaged(4, good))})
    eval = jsonl(tmp_path / "e.jsonl", [{"text": "e", "label": "neg", "id": "1"}])
    columns = Columns("text", "label", id="id")
    with pytest.raises(InputError, match=rf"t.parquet, row 5, column '{column}': not UTF-8; "):
        bring_in(tmp_path / "a", train, eval, columns=columns)
    folder, report = bring_in(tmp_path / "b", train, eval, columns=columns, skip=True)
    assert [(each.row, each.column) for each in report.rejected] == [(5, column)]
    assert splits(folder)[0].texts == ["row 0", "row 1", "row 2", "row 3", "row 5"]
    (listed,) = (folder.data / "rejected.jsonl").read_text().splitlines()
    assert json.loads(listed)["unit"] == "row"


@pytest.mark.parametrize("kind", ["plain", "list"])
def test_other_columns_name_the_row(tmp_path, kind):
    cells = unchecked(damaged(2))
    made = {
        "plain": cells,
        "list": pa.ListArray.from_arrays(list(range(7)), cells),
    }[kind]
    for skip in (False, True):
        with pytest.raises(InputError, match=r"t.parquet, row 3, column 'other': not UTF-8"):
            bring_in(tmp_path / "ws", source(tmp_path, other=made), "0.5", skip=skip)


def test_saved_datasets_folder(tmp_path):
    import datasets

    table = pa.table({"text": unchecked(damaged(1)), "label": ["neg", "pos"] * 3})
    datasets.Dataset(datasets.table.InMemoryTable(table)).save_to_disk(str(tmp_path / "folder"))
    with pytest.raises(InputError, match="row 2, column 'text': not UTF-8"):
        bring_in(tmp_path / "ws", str(tmp_path / "folder"), "0.5")


def test_dictionary_encoded(tmp_path):
    """Arrow itself refuses to read these from Parquet."""
    made = pa.DictionaryArray.from_arrays(pa.array(range(6)), unchecked(damaged(2)))
    with pytest.raises(InputError, match=r"not a readable Parquet file .*UTF8"):
        bring_in(tmp_path / "ws", source(tmp_path, other=made), "0.5")
