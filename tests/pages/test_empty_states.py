"""Every page in every state: where it has nothing to show, it says what it is for and offers one step."""

import shutil

import pytest

from backend.everything import compute_everything
from backend.workspace import Workspace
from pages.components import go_to
from pages.components.missing import BUTTON
from pages.components.navigation import HIDDEN, SECTIONS
from pages.components.purposes import PURPOSES
from tests.pages.driver import new_app, page, words

PAGES = [*(name for section in SECTIONS.values() for name in section), *HIDDEN]
STATES = ("none", "untrained", "untraced", "unscored", "undecided")
BEGIN, TRAIN = "Begin with a demo or your own data", "Train it on the Overview page"
COMPUTABLE = "See on Overview what can be computed"
TESTS = ["Run the self-test", "Run the test"]  # each on a tab of its own
FILLED: list[str] = []
"""The page has something to show, or is a form: nothing is to stand out beside it."""

# What stands out on a page: one button, in each of the states; or what the page is without one.
EXPECTED: dict[str, tuple[list[str], ...]] = {
    "overview": (["Build the demo"], ["Train the model"], [BUTTON], [BUTTON], FILLED),
    "inspect": ([BEGIN], [TRAIN], [BUTTON], FILLED, FILLED),
    "review": ([BEGIN], ["Compute scores"], [BUTTON], [BUTTON], FILLED),
    "explore": ([BEGIN], ["Compute sentence embeddings"], [BUTTON], [BUTTON], FILLED),
    "words": ([BEGIN], [TRAIN], [BUTTON], ["Inspect what is right"], FILLED),
    "sources": ([BEGIN], [TRAIN], [BUTTON], [BUTTON], FILLED),
    "scores": ([BEGIN], [TRAIN], [BUTTON], [BUTTON], FILLED),
    "changes": ([BEGIN], ["Go to Review"], [BUTTON], [BUTTON], ["Go to Review"]),
    "retrain": ([BEGIN], [TRAIN], [BUTTON], [BUTTON], ["Decide about rows on Review"]),
    "export": ([BEGIN], FILLED, FILLED, FILLED, FILLED),
    "new": (FILLED, FILLED, FILLED, FILLED, FILLED),
    "jobs": ([COMPUTABLE],) * 5,
    "help": ([BEGIN, BEGIN], TESTS, TESTS, TESTS, TESTS),
    "pair": ([BEGIN], [TRAIN], [BUTTON], ["Choose a pair on Inspect"], ["Choose a pair on Inspect"]),
}
OWN_WORDS = {  # where something else stands in the place of the purpose
    "overview": {
        "none": "Which training examples",
        "untrained": "fine-tune",
        "untraced": "trace the training",
    }
    | {"unscored": "some pages have nothing to show"},
    "explore": dict.fromkeys(("untrained", "untraced", "unscored"), "The map is made from sentence"),
    "help": dict.fromkeys(STATES[1:], "The self-test"),
}
LEADS = [
    *(("none", name, "overview") for name in ("inspect", "export", "jobs")),
    *(("untrained", name, "overview") for name in ("words", "retrain")),
    *(("undecided", *each) for each in (("changes", "review"), ("retrain", "review"), ("pair", "inspect"))),
]
KEPT = {"untrained": ("data",), "untraced": ("data", "checkpoints")}


@pytest.fixture(scope="module")
def computed(erring_template, tmp_path_factory):
    """A workspace of which everything is computed and nothing decided."""
    workspace = Workspace.open(shutil.copytree(erring_template, tmp_path_factory.mktemp("all") / "ws"))
    compute_everything(workspace)
    return workspace.path


@pytest.fixture
def state(request, tmp_path, monkeypatch):
    """The app where a workspace is in this state."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FIRSTWORD_WORKSPACE", raising=False)
    if request.param == "none":
        return request.param
    of = "computed" if request.param == "undecided" else "tiny_template"
    workspace = Workspace.open(shutil.copytree(request.getfixturevalue(of), tmp_path / "ws"))
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(workspace.path))
    if request.param in KEPT:
        manifest = workspace.manifest
        artifacts = {name: manifest.artifacts[name] for name in KEPT[request.param]}
        workspace.folder.write_manifest(manifest.model_copy(update={"artifacts": artifacts}))
    return request.param


def outstanding(app) -> list[str]:
    return [each.label for each in app.main.button if each.proto.type == "primary"]


def test_every_page_is_in_the_table_and_says_what_it_is_for():
    assert set(EXPECTED) == set(PURPOSES) == set(PAGES)
    assert all(len(each) == len(STATES) for each in EXPECTED.values())
    for name, purpose in PURPOSES.items():
        assert purpose.startswith((name.capitalize(), "New workspace")) and purpose.endswith(".")
        assert len(purpose) < 120, name


@pytest.mark.parametrize("state", STATES, indirect=True)
def test_a_page_that_has_nothing_to_show_says_why_and_offers_one_step(state):
    app, found = new_app(), {}
    for name in PAGES:
        page(app, name)
        assert not app.exception, name
        assert all("hardly learnt" in each.value for each in app.error), name
        found[name] = outstanding(app)
        if found[name]:
            said = OWN_WORDS.get(name, {}).get(state, PURPOSES[name])
            assert said in words(app), (name, said)
    assert found == {name: each[STATES.index(state)] for name, each in EXPECTED.items()}


@pytest.mark.parametrize(("state", "name", "to"), LEADS, indirect=["state"])
def test_the_step_leads_to_another_page(state, name, to, monkeypatch):
    turned: list[str] = []
    monkeypatch.setattr(go_to, "turn_to", turned.append)
    app = page(new_app(), name)
    app.button(key=f"next-{to}").click().run()
    assert not app.exception and turned == [to]


@pytest.mark.parametrize("task", ["multilabel", "regression"])
def test_a_workspace_of_another_task_offers_one_step_a_page(task, request, tmp_path, monkeypatch):
    """Where something is missing, and where the task has no such thing."""
    monkeypatch.chdir(tmp_path)
    template = request.getfixturevalue(f"{task}_template")
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(shutil.copytree(template, tmp_path / "ws")))
    app = new_app()
    for name in PAGES:
        page(app, name)
        assert not app.exception, name
        steps = [each for each in outstanding(app) if each != "Store"]  # within what a click opens
        assert len(steps) <= (2 if name == "help" else 1), name
