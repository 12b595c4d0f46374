"""What users read can be done: commands and options exist, tutorials run, the README fits one screen."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from transformers import set_seed

from backend.cli import app
from tests.conftest import tiny_rows
from tests.factories import tiny
from tests.language_models import tiny_lm

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)(?: [^\n]*)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?: {4,})?(?:\$ )?firstword +([^\n#]*)", re.MULTILINE)
MODEL = re.compile(r"^MODEL(.*?) = .*$", re.MULTILINE)
GROUP = typer.main.get_command(app)


def commands(text: str) -> Iterator[list[str]]:
    """The words of every command that is shown on a line of its own; synopses with brackets are none."""
    for found in COMMAND.finditer(text):
        for part in re.split(r"&&|\|", "firstword " + found[1]):
            words = part.split()
            if words and words[0] == "firstword" and "[" not in part:
                yield words[1:]


def unknown(words: list[str]) -> list[str]:
    """What of a command does not exist: its name, or options."""
    named = GROUP.commands if hasattr(GROUP, "commands") else {}
    if not words or words[0] in ("--help", "--version", "COMMAND"):
        return []
    if words[0] not in named:
        return [words[0]]
    options = {name for each in named[words[0]].params for name in (*each.opts, *each.secondary_opts)}
    asked = [each.partition("=")[0] for each in words if re.match(r"^--?[a-z]", each)]
    return [each for each in asked if each not in options | {"--help"}]


@pytest.mark.parametrize("page", PAGES, ids=lambda each: str(each.relative_to(ROOT)))
def test_commands_and_options_that_are_shown_exist(page):
    wrong = [
        (" ".join(words), unknown(words))
        for words in commands(page.read_text(encoding="utf-8"))
        if unknown(words)
    ]
    assert wrong == []


def test_a_wrong_command_would_be_seen():
    assert [unknown(each) for each in commands("firstword trane WS\n    firstword train WS --epoch 3")] == [
        ["trane"],
        ["--epoch"],
    ]
    assert sum(len(list(commands(page.read_text(encoding="utf-8")))) for page in PAGES) > 60


def test_the_readme_is_one_screen_and_has_the_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert "\nmake run " in text and "\nmake test " in text and "python -m backend" not in text
    assert text.count("![") == 1 and text.count("```python") == 1


def test_links_of_files_beside_the_documents_lead_somewhere():
    """Those of pages are checked when the site is built."""
    for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"):
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / name).read_text(encoding="utf-8")):
            assert "://" in link or (ROOT / link).exists(), f"{name}: {link}"


def test_every_page_has_its_place_in_the_site():
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    assert [
        name for each in DOCS.rglob("*.md") if (name := each.relative_to(DOCS).as_posix()) not in nav
    ] == []


TINY = {
    "classifier": lambda place: tiny("bert", place, [row["text"] for row in tiny_rows(60)]),
    "trainer": lambda place: tiny("bert", place, [row["text"] for row in tiny_rows(60)]),
    "trl_lora": lambda place: tiny_lm(place, "llama", True),
}


@pytest.mark.parametrize("name", sorted(TINY))
def test_a_tutorial_runs(name, tmp_path, monkeypatch, inside):
    """Its blocks in order, with a tiny model in place of the embedded one and one epoch."""
    model = TINY[name](tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    set_seed(0)
    ran = {"python": 0, "sh": 0}
    for kind, code in BLOCK.findall((DOCS / f"tutorials/{name}.md").read_text(encoding="utf-8")):
        if kind == "python":
            short = MODEL.sub(lambda found: f"MODEL{found[1]} = {_tiny(found[1], model)}", code)
            exec(compile(short, name, "exec"), {"__name__": "__main__"})
        elif kind == "sh":
            for words in commands(code):
                inside(*_shortened(shlex.split(" ".join(words)), model))
        ran[kind] = ran.get(kind, 0) + 1
    assert ran["python"] and ran["sh"]


def _tiny(names: str, model: Path) -> str:
    values = {"": repr(str(model)), "LAYERS": "1", "EPOCHS": "1"}
    return ", ".join(values[each.strip()] for each in names.split(","))


def _shortened(words: list[str], model: Path) -> list[str]:
    """The same command on a tiny model."""
    if "--layers" in words:
        at = words.index("--layers")
        words = words[:at] + words[at + 2 :]
    words = [str(model) if each in ("minilm", "smollm2") else each for each in words]
    return [*words, "--epochs", "1"] if words[0] == "train" else words
