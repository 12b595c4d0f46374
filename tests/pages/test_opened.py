"""The open workspace: kept while jobs compute something else, and given up whole once its rows change."""

import gc
import shutil
import threading
import time
import weakref

from backend.data.columns import Columns
from backend.scores.settings import ScoreSettings
from backend.workspace import Workspace
from pages.components.workspaces import opened, version
from tests.conftest import tiny_rows, write_rows


def pools() -> int:
    """Threads of thread pools that are alive."""
    return sum(each.name.startswith("ThreadPoolExecutor") for each in threading.enumerate())


def test_models_stay_loaded_after_a_job_that_does_not_concern_them(tiny_workspace):
    path = tiny_workspace.path
    explainer = opened(path).explainer("cpu")
    tiny_workspace.scores.compute(["association"], ScoreSettings(device="cpu"))
    assert opened(path).explainer("cpu") is explainer
    assert opened(path).scores().names


def test_each_split_is_in_memory_once(tiny_workspace):
    explainer = tiny_workspace.explainer("cpu")
    assert explainer.train is tiny_workspace.train_split
    assert explainer.splits["eval"] is tiny_workspace.eval_split


def test_what_is_cached_of_a_workspace_made_anew_with_other_columns_is_not_taken(tmp_path):
    def made(annotator: str | None) -> str:
        shutil.rmtree(tmp_path / "ws", ignore_errors=True)
        source = str(write_rows(tmp_path / "t.jsonl", tiny_rows(20)))
        columns = Columns("text", "label", annotator=annotator)
        Workspace.create(tmp_path / "ws", train=source, eval="0.2", columns=columns, model="unused")
        return version(opened(tmp_path / "ws"))

    assert made(None) == made(None) != made("id")


def test_what_is_dropped_leaves_no_threads(tiny_workspace, tmp_path):
    workspace = opened(tiny_workspace.path)
    workspace.explain("a witty film", k=1, device="cpu")
    old, then = weakref.ref(workspace.explainer("cpu")), pools()
    assert then > 0  # those of tests before this one may end meanwhile
    tiny_workspace.append(train=str(write_rows(tmp_path / "more.jsonl", tiny_rows(3, 500))))
    tiny_workspace.precompute()
    workspace.explain("a witty film", k=1, device="cpu")
    assert len(workspace.train_split) == 63
    gc.collect()
    assert old() is None
    for _ in range(200):  # threads end by themselves, a moment later
        if pools() <= then:
            break
        time.sleep(0.01)
    assert pools() <= then
