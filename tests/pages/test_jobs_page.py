"""The Jobs page and the line in the sidebar: what runs, what ended, what can be done about it."""

import subprocess
import sys
import time

import pytest

from backend.data.messages import shown_bytes
from backend.disk_use import disk_use, freeable
from backend.files import write_json
from backend.jobs.process import job_path
from backend.jobs.stopping import what_is_kept
from pages.components import job_panel
from pages.components.job_words import job_details, job_words, job_workspace
from pages.components.jobs import job_list
from tests.jobs.test_listing import begun
from tests.pages.driver import opened, page, words


def put_job(args: list[str], process: subprocess.Popen | None = None, **progress) -> str:
    folder = job_path(args, job_panel.LOGS)
    alive = {"pid": process.pid, "created": begun(process)} if process else {"pid": 2**22 + 1, "created": 1.0}
    write_json(folder / "job.json", {"args": args, **alive})
    if progress:
        write_json(folder / "progress.json", progress)
    return folder.name


def labels(app) -> list[str]:
    return [each.label for each in app.button]


def test_no_job_is_said(app):
    page(app, "jobs")
    assert not app.exception and not app.error
    assert "Nothing has run yet" in app.info[0].value


def test_the_disk_use_is_the_backends(app, tiny_workspace):
    page(app, "jobs")
    uses = disk_use(tiny_workspace.folder)
    shown = words(app)
    assert shown_bytes(sum(each.bytes for each in uses)) in shown and shown_bytes(freeable(uses)) in shown
    assert all(each.place.what in shown for each in uses)


def test_a_running_job_is_on_every_page_and_can_be_stopped(app, process):
    path = str(opened().path)
    name = put_job(["precompute", path], process, state="running", stage="gradients", done=1, total=4)
    page(app, "changes")
    assert not app.exception
    line = app.sidebar.get("page_link")[0].proto.label.replace("\\", "")
    assert "Trace all training examples: ws" in line and "Gradients 1 of 4" in line
    page(app, "jobs")
    assert "1 running, 0 ended" in words(app)
    assert app.get("progress")[0].proto.value == 25
    app.button(key=f"stop-{name}").click().run()
    process.wait(timeout=10)
    app.run()
    assert not app.exception and not app.sidebar.get("page_link")
    assert "0 running, 1 ended" in words(app) and "stopped" in words(app)


def test_a_job_that_does_not_listen_can_be_ended(app):
    deaf = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import signal, time; signal.signal(15, 1); print(1, flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
    )
    try:
        deaf.stdout.readline()
        name = put_job(["demo"], deaf, state="running", stage="x", done=1, total=4)
        page(app, "jobs")
        app.button(key=f"stop-{name}").click().run()
        assert deaf.poll() is None and "End now" in labels(app)
        app.button(key=f"stop-{name}").click().run()
        deaf.wait(timeout=10)
    finally:
        deaf.kill()
        deaf.wait()


def test_ended_jobs_say_how_and_can_start_again_or_go(app, monkeypatch):
    started: list[list[str]] = []
    monkeypatch.setattr(job_panel, "start_command", lambda args, logs: started.append(args))
    path = str(opened().path)
    stopped = put_job(["retrain", path, "--seeds=3"], state="interrupted", stage="training", done=2, total=9)
    failed = put_job(["scores", path], state="failed", error="no <b>space</b> left")
    (job_panel.LOGS / failed / "stderr.log").write_text("line one\n<script>alert(1)</script>\n")
    (job_panel.LOGS / "damaged").mkdir()
    (job_panel.LOGS / "damaged" / "job.json").write_text("{")
    page(app, "jobs")
    assert not app.exception
    assert "0 running, 3 ended" in words(app) and "Unknown job" in words(app)
    assert any("space" in each.value for each in app.error)
    assert "<script>alert(1)</script>" in app.code[0].value
    app.button(key=f"again-{stopped}").click().run()
    app.button(key=f"again-{failed}").click().run()
    assert started == [["retrain", path, "--seeds=3"], ["scores", path]]
    assert f"again-{'damaged'}" not in [each.key for each in app.button]
    for name in (failed, "damaged"):
        app.button(key=f"forget-{name}").click().run()
    assert "0 running, 1 ended" in words(app) and not (job_panel.LOGS / "damaged").exists()


def test_of_very_many_jobs_the_newest_are_shown(app, monkeypatch):
    monkeypatch.setattr(job_list, "SHOWN", 2)
    for number in range(4):
        put_job(["scores", f"ws{number}"], state="done", stage="", done=0, total=0)
        time.sleep(0.02)
    page(app, "jobs")
    assert "ws3" in words(app) and "ws1" not in words(app) and "2 older jobs" in words(app)


def test_jobs_in_words():
    assert job_words(["retrain", "cache/demo", "--seeds=3"]) == "Retrain and compare: demo"
    assert job_details(["retrain", "cache/demo", "--seeds=3", "--row=a"]) == "--seeds=3 --row=a"
    assert job_words(["demo"]) == "Build the demo" and job_workspace(["demo", "--out", "x"]) is None
    assert job_words(["append", "cache/demo", "--dry-run"]) == "Check rows to append: demo"
    assert "begins anew" in what_is_kept(["build", "x"])
    assert "begins anew" not in what_is_kept(["retrain", "x"])
    assert job_words([]) == "Unknown job" and job_words(["magic"]) == "magic"


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 B"), (1_500, "1.5 kB"), (42_000_000, "42 MB"), (3.2e9, "3.2 GB")]
)
def test_sizes(count, shown):
    assert shown_bytes(int(count)) == shown


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        ({"state": "interrupted", "error": "as it was asked to"}, "stopped; what was finished is kept"),
        ({"state": "done"}, "done"),
        ({"state": "failed", "error": "no"}, "failed, see Jobs"),
    ],
)
def test_how_a_job_ended_is_said_once_on_whatever_page_is_open(app, process, ended, said):
    args = ["scores", str(opened().path)]
    put_job(args, process, state="running", stage="s", done=1, total=4)
    page(app, "export")
    assert not app.toast
    put_job(args, process, stage="s", done=1, total=4, **ended)
    app.run()
    assert next(each.value.replace("\\", "") for each in app.toast).startswith(
        f"Score all training rows: {opened().path.name}: {said}"
    )
    app.run()
    assert not app.toast
