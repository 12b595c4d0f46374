"""The Sources page of a language model: groups only."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.influence.rowstore.settings import PrecomputeSettings
from backend.workspace import Workspace
from tests import language_workspace
from tests.audit.test_language_sources import NAMES, SETTINGS, created
from tests.pages.driver import new_app, page, words


def made(folder: Path, grouped: bool) -> Workspace:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(language_workspace, "created", lambda into, *_: created(into, grouped=grouped))
        workspace = language_workspace.trained(folder)
    workspace.precompute(PrecomputeSettings(device="cpu"))
    return workspace


@pytest.mark.parametrize("grouped", [True, False])
def test_sources_are_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grouped: bool) -> None:
    workspace = made(tmp_path, grouped)
    if grouped:
        workspace.audit.compute_sources(SETTINGS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(workspace.path))
    app = page(new_app(), "sources")
    assert not app.exception and not app.error
    if grouped:
        shown = words(app)
        assert all(name in shown for name in NAMES) and "a source of long answers has" in shown
        assert "class" not in shown.split("<style>")[0].replace('class="', "")
    else:
        assert "name their column with" in app.info[0].value
        assert not [each for each in app.main.button if each.label == "Audit the sources"]
