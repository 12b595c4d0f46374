"""The reference: every public name says what it takes, gives and refuses, with an example that ran."""

import ast
import doctest
import inspect
import re
import shutil
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import griffe
import pytest
from transformers import AutoModelForSequenceClassification

import firstword
from backend.data.columns import Columns
from firstword import FirstwordCallback, InputError, Workspace, models, settings
from tests.conftest import build_tiny, tiny_rows, write_rows
from tests.language_workspace import trained

HANDLES = ("answers", "review", "scores", "audit", "trials", "matches")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

# What raises nothing of its own: it reads what is there, or gives back what it was given.
NEVER_REFUSE = {
    *("Workspace", "Workspace.path", "Workspace.task", "Workspace.space", "Workspace.train_split"),
    *("Workspace.eval_split", "Workspace.runs", "Workspace.has_embeddings", "Workspace.disk_use"),
    *("Answers", "Audit", "Matches", "Review", "Scores", "Trials", "FirstwordCallback", "InputError"),
    *("Review.ledger", "Scores.table_states", "Trials.reports"),
    *("Asked", "Question", "Sides", "Variant"),
}


def methods_of(kind: type) -> Iterator[tuple[str, object]]:
    """Public methods and properties that the class itself defines."""
    for name, value in vars(kind).items():
        if not name.startswith("_") and (
            inspect.isfunction(value) or isinstance(value, property | classmethod | staticmethod)
        ):
            yield f"{kind.__name__}.{name}", value


def public() -> dict[str, object]:
    """All of the public API by the names that the reference gives."""
    ws = Workspace(None)  # type: ignore[arg-type]  # the handles' classes only
    kinds = [Workspace, *(type(getattr(ws, each)) for each in HANDLES)]
    found: dict[str, object] = {"InputError": InputError, "FirstwordCallback": FirstwordCallback}
    found["model_folder"] = models.model_folder
    found |= {name: getattr(settings, name) for name in settings.__all__}
    for kind in kinds:
        found[kind.__name__] = kind
        found |= dict(methods_of(kind))
    return found


def unwrapped(value: object) -> object:
    return value.fget if isinstance(value, property) else getattr(value, "__func__", value)


def sections(value: object) -> dict[str, str]:
    """What stands under each heading of a numpydoc docstring."""
    text = inspect.cleandoc(unwrapped(value).__doc__ or "")
    parts = re.split(r"^([A-Z][a-z]+)\n-+\n", text, flags=re.MULTILINE)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def described(value: object) -> set[str]:
    """Names under Parameters, and attributes with a docstring of their own below them."""
    listed = re.findall(r"^(\*?\w.*)$", sections(value).get("Parameters", ""), re.MULTILINE)
    names = {name.strip().lstrip("*") for line in listed for name in line.split(",")}
    if inspect.isclass(value):
        body = ast.parse(textwrap.dedent(inspect.getsource(value))).body[0].body
        for before, after in pairwise(body):
            if isinstance(before, ast.AnnAssign) and isinstance(after, ast.Expr):
                names.add(before.target.id)
    return names


def taken(value: object) -> set[str]:
    """Names of arguments; of a class those of making one."""
    if isinstance(value, property) or (inspect.isclass(value) and issubclass(value, Exception)):
        return set()
    found = set(inspect.signature(unwrapped(value)).parameters) - {"self", "cls"}
    handles = inspect.isclass(value) and value.__name__ not in {*settings.__all__, "FirstwordCallback"}
    return set() if handles else found


SETTINGS = {name: getattr(settings, name) for name in settings.__all__}
PUBLIC = public()


def test_all_that_is_public_is_here():
    assert set(firstword.__all__) - {"__version__"} <= set(PUBLIC)
    assert len(PUBLIC) > 100 and {"Workspace.explain_many", "Review.relabel", "Writing"} <= set(PUBLIC)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_name_says_what_it_takes_gives_and_refuses(name):
    value = PUBLIC[name]
    found = sections(value)
    assert found[""].strip(), "no summary"
    assert "Examples" in found and ">>> " in found["Examples"]
    assert described(value) >= taken(value) - self_explaining(value), taken(value) - described(value)
    listed = set(re.findall(r"\w+", " ".join(described(value))))
    assert listed <= taken(value) | listed_attributes(value), "what is no argument is described"
    if not isinstance(value, property) and not inspect.isclass(value):
        returns = inspect.signature(unwrapped(value)).return_annotation
        assert ("Returns" in found) == (returns not in (None, "None"))
        if "Returns" in found:
            assert found["Returns"].splitlines()[0] == returns
    assert ("Raises" in found) == (name not in NEVER_REFUSE)


def self_explaining(value: object) -> set[str]:
    """Fields of `TrainingSettings` that need no more than their name and default."""
    plain = {"epochs", "lr", "batch_size", "seed", "scheduler", "weight_decay", "device"}
    return plain if value is settings.TrainingSettings else set()


def listed_attributes(value: object) -> set[str]:
    """Arguments of making a record: each is an attribute, too."""
    return set(inspect.signature(value).parameters) if value in SETTINGS.values() else set()


def test_the_site_reads_the_docstrings_as_they_are_meant(caplog):
    """griffe, which makes the pages, warns of what it cannot read."""
    for name, value in PUBLIC.items():
        text = inspect.cleandoc(unwrapped(value).__doc__ or "")
        kinds = {each.kind.value for each in griffe.Docstring(text).parse("numpy")}
        assert "examples" in kinds, name
        assert ("parameters" in kinds) == ("Parameters" in sections(value)), name


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """The folder in which the examples run, as the reference describes it."""
    folder = tmp_path_factory.mktemp("reference")
    tiny = build_tiny(folder / "tiny")
    chats = trained(folder / "chats")
    chats.precompute()
    here = folder / "here"
    shutil.copytree(tiny.path, here / "ws")
    shutil.copytree(tiny.folder.checkpoints, here / "run")
    shutil.copytree(folder / "tiny/model", here / "model")
    shutil.copytree(chats.path, here / "chats")
    shutil.copytree(folder / "chats/model", here / "chats_model")
    shutil.copy(folder / "tiny/train.jsonl", here)
    write_rows(here / "more.jsonl", [{**row, "id": f"m{row['id']}"} for row in tiny_rows(10, 500)])
    made, _ = Workspace.create(
        here / "attached",
        train=str(here / "train.jsonl"),
        eval="0.2",
        columns=Columns("text", "label", id="id"),
        model="unused",
    )
    made.attach(here / "run")
    return here


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_the_example_of_a_public_name_runs(name, place, tmp_path, monkeypatch):
    """Each in a folder of its own, with the names that the reference says are there."""
    here = tmp_path / "here"
    shutil.copytree(place, here)
    monkeypatch.chdir(here)
    globs = {name: getattr(firstword, name) for name in ("FirstwordCallback", "InputError", "Workspace")}
    globs |= {each: Workspace.open(each) for each in ("ws", "chats", "attached")}
    if name == "FirstwordCallback":
        globs["model"] = AutoModelForSequenceClassification.from_pretrained("run/checkpoint-8")
    text = unwrapped(PUBLIC[name]).__doc__ or ""
    example = doctest.DocTestParser().get_doctest(text, globs, name, name, 0)
    told: list[str] = []
    doctest.DocTestRunner(optionflags=OPTIONS).run(example, out=told.append)
    assert example.examples and not told, "".join(told)
