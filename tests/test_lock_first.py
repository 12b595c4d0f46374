"""Commands that need the workspace's lock ask for it before anything slow is loaded."""

import subprocess
import sys

import pytest
from filelock import FileLock

from backend.folder import Folder

WAITING = "another process is working on this workspace; wait for it"
COMMANDS = [
    ("train",),
    ("dynamics",),
    ("attach", "--run", "nowhere"),
    ("precompute",),
    ("prepare", "last-layer"),
    ("influence",),
    ("scores",),
    ("sources",),
    ("words",),
    ("all",),
    ("retrain", "--strategy", "prune"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_refused_while_another_works(tiny_workspace, inside, command):
    name, *options = command
    with Folder(tiny_workspace.path).lock():
        done = inside(name, tiny_workspace.path, *options, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip().endswith(WAITING) and len(done.stderr.splitlines()) == 1


def test_refused_while_another_retrains(tiny_workspace, inside):
    tiny_workspace.folder.retrains.mkdir(exist_ok=True)
    with FileLock(tiny_workspace.folder.retrains / ".lock"):
        done = inside("retrain", tiny_workspace.path, check=False)
    assert done.returncode == 2 and "another retraining is running" in done.stderr


@pytest.mark.parametrize("command", [("scores", "--list"), ("all", "--dry-run"), ("status",), ("log",)])
def test_what_only_reads_is_not_refused(tiny_workspace, inside, command):
    name, *options = command
    with Folder(tiny_workspace.path).lock():
        inside(name, tiny_workspace.path, *options)


def test_asking_keeps_nothing(tiny_workspace):
    folder = tiny_workspace.folder
    folder.require_idle()
    with folder.lock():
        folder.require_idle()  # held by us
        with pytest.raises(Exception, match="another process"):
            Folder(folder.path).require_idle()
    Folder(folder.path).require_idle()


@pytest.mark.parametrize("command", ["train", "precompute", "influence", "retrain"])
def test_torch_is_not_loaded_to_say_so(tiny_workspace, command):
    script = f"""
import sys
from backend import cli
sys.argv = ["backend", {command!r}, {str(tiny_workspace.path)!r}]
try:
    cli.main()
except SystemExit as ended:
    print(ended.code, "torch" in sys.modules)
"""
    (tiny_workspace.folder.retrains).mkdir(exist_ok=True)
    with Folder(tiny_workspace.path).lock(), FileLock(tiny_workspace.folder.retrains / ".lock"):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "False"], done.stderr
