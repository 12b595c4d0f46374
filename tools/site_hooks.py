"""What mkdocs does not do by itself: pages from the command line, from findings/, and of files outside docs/.

Links are written as they work where the repository is read; here those that leave docs/ are led to copies.
"""

from __future__ import annotations

import html
import os
import re
from pathlib import Path
from posixpath import dirname, join, normpath, relpath

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from typer.core import TyperGroup

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"(\]\(|src=\"|href=\")([^)\s\"#:]+)(?=[)\s\"#])")
CODE = re.compile(r"(^```.*?^```|`[^`\n]*`)", re.MULTILINE | re.DOTALL)
PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md")  # become pages of the site


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds what pages link to outside docs/."""
    texts = {each.src_uri: each.content_string for each in files.documentation_pages()}
    texts |= {name: (ROOT / name).read_text(encoding="utf-8") for name in PAGES if (ROOT / name).is_file()}
    texts["findings.md"] += findings()
    for name, text in texts.items():
        for _, link in LINK.findall(text):
            path = _outside(name, link)
            if path and files.get_file_from_path(_place(path)) is None and (ROOT / path).is_file():
                files.append(_copied(config, path))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fills the pages that are made, and leads links that leave docs/ to the copies."""
    name = page.file.src_uri
    made = {"reference/commands.md": commands, "findings.md": findings}
    if name in made:
        markdown += "\n" + made[name]()

    def led(found: re.Match[str]) -> str:
        path = _outside(name, found[2])
        return found[1] + (relpath(_place(path), dirname(name) or ".") if path else found[2])

    parts = CODE.split(markdown)
    return "".join(part if at % 2 else LINK.sub(led, part) for at, part in enumerate(parts))


def commands() -> str:
    """What every command says of itself, in the order of the list."""
    from backend.cli import app

    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    context = typer.Context(group, info_name="firstword", terminal_width=100, max_content_width=100)
    said = ["```text", group.get_help(context), "```"]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = typer.Context(
            command, info_name=name, parent=context, terminal_width=100, max_content_width=100
        )
        said += [f"\n## {name}\n", "```text", command.get_help(inner), "```"]
    return "\n".join(said)


def findings() -> str:
    """The comment at the head of every script, below its name."""
    said = []
    for path in sorted((ROOT / "findings").glob("*.sh")):
        title = path.stem.replace("_", " ")
        lines = path.read_text(encoding="utf-8").splitlines()[1:]
        head = lines[: next(at for at, line in enumerate(lines) if not line.startswith("#"))]
        text = "\n".join(line.lstrip("#").strip() for line in head)
        said += [f"## {title[0].upper()}{title[1:]}\n", html.escape(text, quote=False) + "\n"]
        said += [f"Script: [findings/{path.name}](../findings/{path.name})\n"]
    return "\n".join(said)


def _outside(name: str, link: str) -> str | None:
    """The path in the repository that a link of a page leads to, where that is outside docs/."""
    if link.startswith(("/", "<")) or "://" in link:
        return None
    if name in PAGES:  # written where it stands: beside docs/
        path = normpath(link)
        return path if not path.startswith("docs/") else "../" + path
    path = normpath(join("docs", dirname(name), link))
    return None if path.startswith(("docs/", "..")) else path


def _place(path: str) -> str:
    """Where the site has a file of the repository."""
    if path.startswith("../docs/"):
        return path.removeprefix("../docs/")
    if path == "README.md":
        return "index.md"
    return path if path in PAGES else f"repository/{path}"


def _copied(config: MkDocsConfig, path: str) -> File:
    place = _place(path)
    inclusion = InclusionLevel.NOT_IN_NAV
    made = File.generated(config, place, abs_src_path=os.fspath(ROOT / path), inclusion=inclusion)
    made.inclusion = inclusion
    return made


def on_pre_build(config: MkDocsConfig) -> None:
    """Takes the wide terminal that a page has."""
    os.environ["COLUMNS"] = "100"
