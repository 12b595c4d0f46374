"""How long functions are: lines of a body without its docstring, over the code of the product.

    python -m benchmarks.functions [--against PATH]     PATH: another checkout, such as a worktree

A body reaches from its first statement after the docstring to its last line, with comments and blank lines in
between. Functions within functions count by themselves, and in the one that they stand in.
"""

from __future__ import annotations

import argparse
import ast
import math
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PARTS = ("backend", "pages")
SHARES = (50, 90, 99)


@dataclass(frozen=True, order=True)
class Function:
    """A function by ``name`` (module and qualified name) and the lines of its body."""

    lines: int
    name: str


def functions(folder: Path) -> list[Function]:
    """All functions and methods of the Python files beneath ``folder``."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        module = ".".join(path.relative_to(folder.parent).with_suffix("").parts)
        found += _within(ast.parse(path.read_text(encoding="utf-8")), module)
    return found


def _within(node: ast.AST, prefix: str) -> list[Function]:
    found = []
    for child in ast.iter_child_nodes(node):
        named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        name = f"{prefix}.{child.name}" if named else prefix  # type: ignore[attr-defined]
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(Function(body_lines(child), name))
        found += _within(child, name)
    return found


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body without the docstring; 0 where there is nothing else."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def percentile(ordered: list[int], share: int) -> int:
    """The smallest value that ``share`` percent of them do not exceed."""
    return ordered[max(math.ceil(len(ordered) * share / 100), 1) - 1]


def row(checkout: Path, part: str) -> str:
    """A line of the table."""
    found = sorted(functions(checkout / part))
    lines = [each.lines for each in found]
    figures = " | ".join(str(percentile(lines, share)) for share in SHARES)
    longest = found[-1]
    return f"| {part} | {len(found):,} | {figures} | {longest.lines} (`{longest.name}`) |"


def main() -> None:
    """Print a table for this checkout, and one for the other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--against", type=Path)
    options = parser.parse_args()
    for checkout in (ROOT, *([options.against] if options.against else [])):
        print(f"\n{checkout}\n\n| | functions | median | p90 | p99 | longest |\n|---|---|---|---|---|---|")
        for part in PARTS:
            print(row(checkout, part))


if __name__ == "__main__":
    main()
