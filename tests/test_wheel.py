"""A wheel holds one package, `firstword`, which works in a folder where other things are called `backend`.

It is installed into an environment of its own, which borrows the libraries of this one.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ("firstword", "backend", "pages", ".streamlit", "app.py", "setup.py", "pyproject.toml", "README.md")
OURS = re.compile(r"^\s*(from|import) (backend|pages)\b", re.MULTILINE)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the checkout."""
    copy, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("dist")
    for name in (*SOURCES, "LICENSE", "NOTICE"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, copy / name)
    ran("-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", out, copy)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment with the wheel in it; what the wheel asks for is borrowed from this one."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=True)
    (packages(home) / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    python = home / "bin/python"
    ran("-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel, python=python)
    return python


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder in which whatever is imported by a common name is somebody else's."""
    folder = tmp_path / "elsewhere"
    for name in ("backend", "pages", "app"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise RuntimeError('not this one')", encoding="utf-8")
    return folder


def packages(home: Path) -> Path:
    return next((home / "lib").glob("python*")) / "site-packages"


def ran(*arguments: object, python: Path | str = sys.executable, cwd: Path | None = None, **more: str) -> str:
    """What Python prints; the checkout is not on its path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**environment, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **more},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_one_package_with_all_that_the_pages_need(wheel: Path):
    with ZipFile(wheel) as file:
        names = file.namelist()
        texts = {name: file.read(name).decode() for name in names if name.endswith((".py", ".txt"))}
    assert {name.split("/")[0].removesuffix(".dist-info").split("-")[0] for name in names} == {"firstword"}
    assert [name for name, text in texts.items() if OURS.search(text)] == []
    for folder in ("backend", "pages"):
        here = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()}
        here = {f"firstword/{name}" for name in here if "__pycache__" not in name}
        assert here - set(names) == set()
    assert {"firstword/app.py", "firstword/.streamlit/config.toml", "firstword/py.typed"} <= set(names)


def test_line_numbers_are_those_of_the_checkout(wheel: Path):
    with ZipFile(wheel) as file:
        text = file.read("firstword/backend/workspace.py").decode()
    assert len(text.splitlines()) == len((ROOT / "backend/workspace.py").read_text().splitlines())


def test_it_answers_as_the_checkout_does(installed, elsewhere, tiny_template):
    question = ("explain", tiny_template, "--text", "good plot", "--json")
    program = installed.parent / "firstword"
    done = subprocess.run([program, *question], capture_output=True, text=True, cwd=elsewhere, timeout=300)
    assert done.returncode == 0, done.stderr
    own = json.loads(ran("-m", "backend", *question, cwd=ROOT))
    theirs = json.loads(done.stdout)
    del own["elapsed_ms"], theirs["elapsed_ms"]
    assert theirs == own


def test_what_it_says_to_type_is_its_own_name(installed, elsewhere):
    program = installed.parent / "firstword"
    done = subprocess.run([program, "status", "none"], capture_output=True, text=True, cwd=elsewhere)
    assert done.returncode == 2 and "`firstword init none" in done.stderr
    done = subprocess.run([program, "status"], capture_output=True, text=True, cwd=elsewhere)
    assert "`firstword status --help`" in done.stderr


def test_a_workspace_is_found_by_its_name_in_the_home(installed, elsewhere, tiny_template, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(tiny_template, home / "mine")
    found = ran("-m", "firstword", "status", "mine", "--json", python=installed, FIRSTWORD_HOME=str(home))
    assert json.loads(found)["path"] == str(home / "mine")


def test_its_jobs_and_pages_are_its_own(installed, elsewhere, tiny_template, tmp_path):
    code = """
import sys, time
from pathlib import Path
from streamlit.testing.v1 import AppTest
from firstword.backend.home import HOME
from firstword.backend.jobs.process import LOGS, job_state, start_command
from firstword.backend.program import APP
from firstword.settings import *
import firstword.extend
assert RetrainSettings.__module__.startswith("firstword.backend."), RetrainSettings
page = AppTest.from_file(str(APP), default_timeout=120).run()
assert not page.exception, page.exception
assert page.sidebar.selectbox(key="ws").options == ["mine"]
folder = start_command(["verify", sys.argv[1]], LOGS)
for _ in range(600):
    state = job_state(folder)
    if state.state != "running": break
    time.sleep(.1)
assert state.state == "done", state
ours = [name for name in sys.modules if name.split(".")[0] in ("backend", "pages")]
assert not ours, ours
"""
    home = tmp_path / "home"
    shutil.copytree(tiny_template, home / "mine")
    ran("-P", "-c", code, home / "mine", python=installed, cwd=elsewhere, FIRSTWORD_HOME=str(home))


def test_uninstalling_leaves_nothing(wheel, tiny_template, tmp_path):
    home = tmp_path / "environment"
    venv.create(home, with_pip=True)
    python = home / "bin/python"
    before = {path for path in home.rglob("*") if path.is_file()}
    (packages(home) / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    ran("-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel, python=python)
    caches = {"XDG_CACHE_HOME": str(tmp_path / "caches")}
    ran("-m", "firstword", "explain", tiny_template, "--text", "good plot", python=python, **caches)
    ran("-m", "pip", "uninstall", "-q", "-y", "firstword", python=python)
    (packages(home) / "borrowed.pth").unlink()
    left = {path for path in home.rglob("*") if path.is_file()} - before
    assert {path for path in left if "pip" not in path.parts and "setuptools" not in path.parts} == set()
    assert not (packages(home) / "firstword").exists()


def test_the_version_is_one(wheel: Path):
    from backend.version import VERSION

    assert wheel.name.split("-")[1] == VERSION
