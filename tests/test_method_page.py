"""docs/method.py runs and says what Firstword computes; the shapes that it writes beside tensors are true."""

import ast
import re
import runpy
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch

PAGE = Path(__file__).parent.parent / "docs/method.py"
COMMENT = re.compile(r"  # ((?:\([^()]*\) ?)+)$")
FIXED = ("n", "V", "d", "K")


def assignments() -> dict[int, tuple[list[str], list[str] | None]]:
    """By line: the names that are assigned there, and the shapes beside them (None: there is no comment)."""
    source = PAGE.read_text(encoding="utf-8")
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]
            comment = COMMENT.search(source.splitlines()[(node.end_lineno or 0) - 1])
            shapes = re.findall(r"\(([^()]*)\)", comment[1]) if comment else None
            plain = not any(isinstance(each, ast.Subscript) for each in targets)
            if plain:
                found[node.lineno] = (names, shapes)
    return found


class Watch:
    """Looks at what each line of the page has assigned, as soon as the next one begins."""

    def __init__(self) -> None:
        self.wanted = assignments()
        self.lines: set[int] = set()
        self.wrong: list[str] = []
        self.last: dict[FrameType, int] = {}

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != str(PAGE):
            return None
        if event in ("line", "return") and frame in self.last:
            self.look(frame, self.last.pop(frame))
        if event == "line" and frame.f_lineno in self.wanted:
            self.last[frame] = frame.f_lineno
        return self

    def look(self, frame: FrameType, line: int) -> None:
        names, shapes = self.wanted[line]
        values = [frame.f_locals.get(name) for name in names if name != "_"]
        tensors = [each for each in values if isinstance(each, torch.Tensor)]
        if not tensors:
            return
        self.lines.add(line)
        sizes = {name: frame.f_globals[name] for name in FIXED if name in frame.f_globals}
        for place, tensor in enumerate(tensors):
            said = shapes[place] if shapes and place < len(shapes) else "no shape"
            if not fits(tuple(tensor.shape), said, sizes):
                self.wrong.append(f"line {line}: {said}, but {tuple(tensor.shape)}")


def fits(shape: tuple[int, ...], said: str, sizes: dict[str, int]) -> bool:
    """Whether a shape is what the comment says; a letter without a size takes that of its first place."""
    parts = [each.strip() for each in said.split(",") if each.strip()]
    if len(parts) != len(shape):
        return False
    for part, size in zip(parts, shape, strict=True):
        if part.isalpha():
            sizes.setdefault(part, size)
        try:
            if eval(part, {}, sizes) != size:
                return False
        except (NameError, SyntaxError):
            return False
    return True


@pytest.fixture(scope="module")
def page() -> tuple[dict[str, Any], Watch]:
    """What the page leaves behind, and what was seen while it ran."""
    watch, before = Watch(), sys.gettrace()
    path = list(sys.path)
    sys.settrace(watch)
    try:
        left = runpy.run_path(str(PAGE))
    finally:
        sys.settrace(before)
        sys.path[:] = path
    return left, watch


def test_its_numbers_are_those_of_firstword(page):
    left, _ = page
    assert left["difference"] < 1e-5 < left["influence"].abs().min()


def test_words_and_special_tokens_add_up_to_the_score(page):
    left, _ = page
    score = left["influence"][left["best"]].item()
    for found, special in (left["helpful"], left["asked"]):
        assert sum(each for _, each in found) + special == pytest.approx(score, abs=1e-6)
    assert any(abs(each) > 1e-5 for _, each in left["helpful"][0])


def test_every_tensor_has_its_true_shape_beside_it(page):
    _, watch = page
    assert watch.wrong == []
    assert len(watch.lines) >= 20


def test_a_wrong_shape_is_seen():
    assert fits((5, 3), "n, L", {"n": 5}) and fits((6,), "n + 1", {"n": 5}) and fits((), "", {})
    assert (
        not fits((5, 3), "n, L", {"n": 4}) and not fits((5, 3), "L, L", {}) and not fits((2,), "no shape", {})
    )
