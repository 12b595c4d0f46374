"""A trial in a real browser: started, refreshed, stopped, gone on with, read, taken off the list."""

import re
import time
from pathlib import Path

import psutil
import pytest

from backend.jobs.listing import forget_job
from backend.jobs.process import job_path, job_record, job_state, stop_job
from backend.workspace import Workspace
from pages.components.numbers import typeset
from tests.e2e.server import ROOT, browsing, serving, settled
from tests.e2e.test_journey import browser_is_here, workspace  # noqa: F401

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("browser_is_here")]
JOBS = ROOT / "cache" / ".jobs"
PATIENCE = 240_000  # milliseconds: the job loads its libraries first, on a machine that may be busy


@pytest.fixture
def trial(workspace) -> tuple[Workspace, Path]:  # noqa: F811
    """A workspace with decisions, and the folder of its trial with two seeds; nothing goes on afterwards."""
    workspace.review.remove(*workspace.train_split.ids[:4])
    folder = job_path(["retrain", str(workspace.path), "--seeds=2"], JOBS)
    yield workspace, folder
    stop_job(folder, at_once=True)
    time.sleep(0.5)
    forget_job(folder)


def outcomes(workspace: Workspace) -> dict[str, int]:  # noqa: F811
    found = (workspace.path / "retrains" / "outcomes").glob("*.safetensors")
    return {each.name: each.stat().st_mtime_ns for each in found}


def test_a_trial_survives_refresh_and_restart_and_goes_on_after_a_stop(trial, tmp_path):
    workspace, folder = trial  # noqa: F811
    with serving(workspace.path, tmp_path / "server.log") as address, browsing() as page:
        page.goto(f"{address}/retrain?seeds=2")
        page.get_by_role("button", name="Start the trial").click()
        page.get_by_text("A trial is running").wait_for()
        process = psutil.Process(job_record(folder).pid)
        process.suspend()  # a slow browser must not find it done
        page.reload()
        page.get_by_text("A trial is running").wait_for()
        page.get_by_role("link", name="Changes").click()
        page.get_by_role("heading", name="Changes").wait_for()
        page.locator("[data-testid=stSidebar]").get_by_text("Retrain and compare: ws").wait_for()
    assert job_state(folder).state == "running"  # the server is gone
    with serving(workspace.path, tmp_path / "server.log") as address, browsing() as page:
        page.goto(f"{address}/changes")
        page.locator("[data-testid=stSidebar]").get_by_text("Retrain and compare: ws").click()
        page.get_by_role("heading", name="Jobs").wait_for()
        process.resume()
        page.get_by_text(re.compile(r"Trainings \d of 8")).first.wait_for(timeout=PATIENCE)
        while not outcomes(workspace) and job_state(folder).state == "running":
            page.wait_for_timeout(100)
        process.suspend()
        card = page.locator(f".st-key-stop-{folder.name}")
        card.get_by_role("button").click()
        card.get_by_text("End now").first.wait_for()
        process.resume()
        page.get_by_text("what was finished is kept, and the same command goes on from there").first.wait_for(
            timeout=60_000
        )
        assert job_state(folder).state == "interrupted" and not workspace.trials.reports()
        before = outcomes(workspace)
        assert 0 < len(before) < 8
        again = page.locator(f".st-key-again-{folder.name}")
        again.get_by_role("button").click()
        again.wait_for(state="detached")  # turning the page at once could take the click's place
        page.get_by_role("link", name="Retrain", exact=True).click()
        page.get_by_role("heading", name="Before and after").wait_for(timeout=PATIENCE)
        settled(page)
        (name,) = workspace.trials.reports()
        assert (
            typeset(workspace.trials.report(name)["arms"][1]["verdict"])
            in page.locator(".stMain").inner_text()
        )
        assert len(outcomes(workspace)) == 8 and before.items() <= outcomes(workspace).items()
        assert page.url.endswith(f"report={name}")
        page.get_by_role("link", name="Jobs", exact=True).click()
        page.locator(f".st-key-forget-{folder.name}").get_by_role("button").click()
        page.locator(f".st-key-forget-{folder.name}").wait_for(state="detached")
        assert not folder.exists()
