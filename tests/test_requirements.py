"""requirements*.txt say what pyproject.toml says: one list, pins inside tested ranges."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools.requirements import ROOT, pinned_now, rendered

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_files_are_what_pyproject_makes_of_the_pins():
    for name, text in rendered(PROJECT, pinned_now()).items():
        written = (ROOT / name).read_text(encoding="utf-8")
        assert written == text, f"{name}: run `python -m tools.requirements`"


def test_every_range_says_where_it_was_tested_from():
    listed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["llm"]]
    open_below = [
        each for each in listed if not {"==", ">="} & {s.operator for s in Requirement(each).specifier}
    ]
    assert open_below == []


def test_a_pin_outside_its_range_is_refused():
    with pytest.raises(ValueError, match=r"torch: 1\.0 is outside"):
        rendered(PROJECT, {**pinned_now(), "torch": "1.0"})


def test_a_package_without_a_pin_is_refused():
    pins = pinned_now()
    del pins["numpy"]
    with pytest.raises(ValueError, match="numpy"):
        rendered(PROJECT, pins)


def test_the_lowest_versions_are_the_lower_ends():
    floor = dict(
        line.split("==", 1)
        for line in (ROOT / "requirements-floor.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    )
    for each in map(Requirement, PROJECT["dependencies"]):
        if each.name in floor:
            assert each.specifier.contains(floor[each.name]), each
    assert {"torch", "transformers", "streamlit", "faiss-cpu"} <= set(floor)


def test_pins_are_read_from_any_folder(tmp_path: Path):
    (tmp_path / "requirements-x.txt").write_text("# a==1\n-r other\nb==2.0\n", encoding="utf-8")
    assert pinned_now(tmp_path) == {"b": "2.0"}
