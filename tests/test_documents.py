"""What code, tests and documents cite stands where they say: numbered decisions, sections of the design."""

import dataclasses
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.cli import app
from backend.influence.answers.catalogue import SCORES
from backend.influence.answers.explanation import Entry, Excluded, Explanation, Query, TokenScore, WordScore
from backend.manifest import Artifact, CheckpointInfo, DataInfo, EarlierRun, Manifest, ModelInfo, TaskInfo
from backend.review import schema

ROOT = Path(__file__).parent.parent
DECISIONS, DESIGN = ROOT / "docs/decisions.md", ROOT / "docs/design.md"
FIRST_CELLS = re.compile(r"^\| (D-\d+) \| (\d{4}-\d\d-\d\d)(?:, (\d{4}-\d\d-\d\d))? \| (.+) \| (.+) \|$")
CITED_DECISION = re.compile(r"\bD-(\d+)\b")
CITED_SECTION = re.compile(r"docs/design\.md,\s+(?:#\s*)?section\s+(\d+(?:\.\d+)*)")
HEADING = re.compile(r'^#{2,3} (\d+(?:\.\d+)?)\.? .+ <a id="section-([\d-]+)"></a>$')
# Pages of the workshop, which nobody has who has the repository.
OUTSIDE = re.compile(r"(?<![\w./-])(?:\.\./)?(?:shared/)?(?:DESIGN|TASKS)(?:\.md\b|,? section\b)")


def ours() -> Iterator[tuple[str, str]]:
    """Path and text of every file that cites: what git follows, and new files that it does not ignore."""
    listing = subprocess.run(
        [
            "git",
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "*.py",
            "*.md",
            "*.toml",
            "Makefile",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listing.returncode:
        pytest.skip("no checkout of git")
    for name in listing.stdout.splitlines():
        if (ROOT / name).is_file() and ROOT / name != Path(__file__):
            yield name, (ROOT / name).read_text(encoding="utf-8")


def decisions() -> list[re.Match[str]]:
    """The lines of the tables of decisions; one without number or date fails."""
    lines = DECISIONS.read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line.startswith("| ") and not line.startswith("| no. ")]
    found = [FIRST_CELLS.match(line) for line in lines]
    assert all(found), [line[:80] for line, each in zip(lines, found, strict=True) if not each]
    return [each for each in found if each]


def sections() -> dict[str, str]:
    """What stands under each heading of the design, by number, in reading order."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in DESIGN.read_text(encoding="utf-8").splitlines():
        if line.startswith("##"):
            heading = HEADING.match(line)
            assert heading and heading[2] == heading[1].replace(".", "-"), line
            assert heading[1] not in found, line
            lines = found[heading[1]] = []
        else:
            lines.append(line)
    return {number: "\n".join(lines) for number, lines in found.items()}


def named(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`\n]+)`", text)


def keys_of(first_cell: str) -> list[str]:
    """The keys that section 6.2 gives to an object, without remarks in brackets."""
    (line,) = [each for each in sections()["6.2"].splitlines() if each.startswith(f"| {first_cell} |")]
    return named(re.sub(r"\([^)]*\)", "", line.split(" | ")[1]))


def names_of(record: type) -> list[str]:
    """The fields of a record as JSON has them."""
    return [each.name for each in dataclasses.fields(record)]


def test_decisions_are_numbered_without_doubles_or_gaps():
    numbers = [each[1] for each in decisions()]
    assert sorted(numbers) == [f"D-{number:03d}" for number in range(1, len(numbers) + 1)]


def test_a_decision_is_changed_after_it_is_made():
    assert [each[1] for each in decisions() if each[3] and each[3] <= each[2]] == []


def test_every_cited_decision_exists():
    known = {each[1] for each in decisions()}
    cited = [(name, each[0]) for name, text in ours() for each in CITED_DECISION.finditer(text)]
    assert any(name.endswith(".py") for name, _ in cited)
    assert [each for each in cited if each[1] not in known] == []


def test_sections_of_the_design_are_in_order():
    found = list(sections())
    whole = [each for each in found if "." not in each]
    assert whole == [str(number) for number in range(1, len(whole) + 1)]
    assert found == sorted(found, key=lambda each: [int(part) for part in each.split(".")])


def test_every_cited_section_of_the_design_exists():
    known = set(sections())
    cited = [(name, each[1]) for name, text in ours() for each in CITED_SECTION.finditer(text)]
    assert any(name.endswith(".py") for name, _ in cited)
    assert [each for each in cited if each[1] not in known] == []


def test_nothing_cites_a_page_outside_the_repository():
    assert [(name, each[0]) for name, text in ours() for each in OUTSIDE.finditer(text)] == []


@pytest.mark.parametrize("text", ["(DESIGN section 6)", "see ../shared/DESIGN.md", "TASKS.md, section 2"])
def test_a_citation_of_a_page_outside_would_be_seen(text):
    assert OUTSIDE.search(text)


def test_the_design_names_every_command():
    commands = [each.name or each.callback.__name__.replace("_", "-") for each in app.registered_commands]
    rows = [each for each in sections()["6.1"].splitlines() if each.startswith("| ")]
    assert sorted(name for each in rows for name in named(each)) == sorted(commands)


def test_the_design_names_every_key_of_an_answer():
    assert keys_of("answer") == names_of(Explanation)
    assert keys_of("`query`") == names_of(Query)
    assert keys_of("entry") == names_of(Entry)
    assert keys_of("token") == names_of(TokenScore)
    assert keys_of("word") == names_of(WordScore)
    assert keys_of("`excluded`") == names_of(Excluded)


def test_the_design_names_every_field_of_the_manifest():
    found = set(named(sections()["5.1"] + sections()["5.2"]))
    records = (Manifest, TaskInfo, DataInfo, CheckpointInfo, ModelInfo, EarlierRun, Artifact)
    assert [name for each in records for name in each.model_fields if name not in found] == []


def test_the_design_names_every_score_mode_and_method():
    rows = [each for each in sections()["3.3"].splitlines() if each.startswith("| `")]
    assert [named(each)[0] for each in rows] == list(SCORES["we"])
    assert set(SCORES) <= set(named(sections()["3.4"]))


def test_the_design_names_every_column_of_the_log():
    (table,) = re.findall(r"CREATE TABLE log \((.*?)\n\);", schema.CREATE, re.DOTALL)
    columns = re.findall(r"^    ([a-z_]+) [A-Z]+", table, re.MULTILINE)
    assert len(columns) == 12
    assert set(columns) <= set(named(sections()["5.3"]))
