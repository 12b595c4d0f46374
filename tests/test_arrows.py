"""Imports point down: the order of packages is read from docs/architecture.md, imports from the code itself.

All imports count, also those inside functions and those for type checkers; only in the search for circles
are the latter left out.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
ARCHITECTURE = ROOT / "docs/architecture.md"
HEAD = re.compile(r"^ {4}([^\s,]+(?:, [^\s,]+)*)(?: |$)")
FILE = re.compile(r"`(\w+\.py)`")
ASK_JOBS = {"pages", "commands", "cli", "console", "jobs"}

# What pages share: the files of pages/components, and these folders of it.
SHARED = {"shared", "asking", "conversation"}
INSIDE = {("inspect", "pair")}  # a page that shows another one's parts within itself: a pair, in a dialog


@dataclass(frozen=True, order=True)
class Import:
    """``importer`` and ``imported`` are modules by their dotted names."""

    importer: str
    imported: str
    line: int
    typing: bool


@cache
def modules() -> dict[str, Path]:
    """Every module of the product by its dotted name."""
    found = {}
    for folder in ("backend", "pages"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found | {"app": ROOT / "app.py"}


def imports(module: str, source: str, known: dict[str, Path]) -> Iterator[Import]:
    """What a module imports of the product, wherever in it."""
    tree = ast.parse(source)
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for part in node.body
        for inner in ast.walk(part)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: a relative import"
            names = [f"{node.module}.{each.name}" for each in node.names]
            names = [each if each in known else str(node.module) for each in names]
        elif isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        else:
            continue
        for name in names:
            ours = name.partition(".")[0] in ("backend", "pages")
            assert name in known or not ours, f"{module}, line {node.lineno}: there is no {name}"
            if name in known and name != module:
                yield Import(module, name, node.lineno, id(node) in guarded)


@cache
def all_imports() -> tuple[Import, ...]:
    """All of the product."""
    known = modules()
    return tuple(
        each
        for module, path in known.items()
        for each in imports(module, path.read_text(encoding="utf-8"), known)
    )


def part(module: str) -> str:
    """The package or file that the order is about: ``pages``, or what stands directly in ``backend``."""
    first, _, rest = module.partition(".")
    if first in ("app", "pages"):
        return "pages"
    return rest.partition(".")[0] or "__init__"


def order(text: str) -> dict[str, int]:
    """The line of the list on which each part stands; parts of one line may know each other."""
    found: dict[str, int] = {}
    listed = text.split("\n\n")[1].splitlines()
    for number, line in enumerate(listed):
        head = HEAD.match(line)
        heads = head[1].split(", ") if head else []
        for name in [*heads, *FILE.findall(line)]:
            name = name.removeprefix("backend/").rstrip("/").removesuffix(".py")
            name = "pages" if name == "app" else name
            assert found.setdefault(name, number) == number, f"{name} stands on two lines"
    return found


def room(module: str) -> str | None:
    """A page's own folder of parts, ``shared`` for what pages share, None for anything else."""
    parts = module.split(".")
    if parts[:2] != ["pages", "components"] or len(parts) < 3:
        return None
    return parts[2] if f"pages.components.{parts[2]}" in packages() else "shared"


@cache
def packages() -> frozenset[str]:
    """Modules that are folders."""
    return frozenset(name for name, path in modules().items() if path.name == "__init__.py")


def where(each: Import) -> str:
    return f"{modules()[each.importer].relative_to(ROOT)}:{each.line} imports {each.imported}"


def test_every_part_has_its_place_in_the_list():
    assert set(order(ARCHITECTURE.read_text(encoding="utf-8"))) == {part(each) for each in modules()}


def test_no_import_points_up():
    place = order(ARCHITECTURE.read_text(encoding="utf-8"))
    up = [each for each in all_imports() if place[part(each.importer)] > place[part(each.imported)]]
    assert [where(each) for each in up] == []


def test_what_computes_does_not_know_jobs():
    found = [each for each in all_imports() if part(each.imported) == "jobs"]
    assert [where(each) for each in found if part(each.importer) not in ASK_JOBS] == []
    assert found


def test_the_backend_does_not_know_streamlit():
    asking = {
        part(name)
        for name, path in modules().items()
        if re.search(r"^\s*(from|import) streamlit\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert asking == {"pages"}


def test_tasks_may_be_imported_by_all_above_the_data():
    place = order(ARCHITECTURE.read_text(encoding="utf-8"))
    between = [name for name, at in place.items() if place["tasks"] < at < place["data"]]
    assert place["tasks"] < place["data"] and set(between) <= {"lost"}


def test_no_modules_import_each_other_in_a_circle():
    graph: dict[str, set[str]] = {name: set() for name in modules()}
    for each in all_imports():
        if not each.typing:
            graph[each.importer].add(each.imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        raise AssertionError(" <- ".join(circle.args[1])) from None


def test_parts_of_one_page_do_not_know_those_of_another():
    rooms = [(each, room(each.importer), room(each.imported)) for each in all_imports()]
    across = [(each, a, b) for each, a, b in rooms if a and b and a != b and b not in SHARED]
    assert [where(each) for each, a, b in across if (a, b) not in INSIDE] == []
    assert {(a, b) for _, a, b in across} == INSIDE


def test_lazy_imports_and_those_for_types_are_seen():
    source = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from backend import folder\n"
        "def f():\n    from backend.data.columns import ID\n    import backend.cli\n    import json\n"
    )
    assert list(imports("x", source, modules())) == [
        Import("x", "backend.folder", 3, True),
        Import("x", "backend.data.columns", 5, False),
        Import("x", "backend.cli", 6, False),
    ]
    listed = "    backend/a.py, b/   words, `c.py`\n                words, `d.py`\n    e/   `f/g.py`"
    assert order(f"# A\n\n{listed}\n\nrest") == {"a": 0, "b": 0, "c": 0, "d": 1, "e": 2}


INFLUENCE = ("gradients", "rowstore", "index", "answers")


def test_the_rooms_of_influence_know_only_those_before_them():
    def place(module: str) -> int | None:
        parts = module.split(".")
        return INFLUENCE.index(parts[2]) if parts[:2] == ["backend", "influence"] and len(parts) > 2 else None

    found = [
        where(each)
        for each in all_imports()
        if (importer := place(each.importer)) is not None
        and (imported := place(each.imported)) is not None
        and imported > importer
    ]
    assert found == []
