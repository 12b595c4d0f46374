"""Etas of real runs against the learning rates that a callback saw."""

import pytest

from backend.model.checkpoints import find_run
from tests.eta_runs import RUNS, MadeRun, make


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    runs: dict[str, MadeRun] = {}

    def of(kind: str) -> MadeRun:
        if kind not in runs:
            runs[kind] = make(kind, tmp_path_factory.mktemp("run") / "run")
        return runs[kind]

    return of


@pytest.mark.parametrize("count", [2, 9])
@pytest.mark.parametrize("kind", RUNS)
def test_etas_are_the_rates_that_the_embeddings_were_trained_with(kind, count, made):
    run, expected = made(kind), RUNS[kind]
    found = find_run(run.folder, count, expected.given)
    steps = [each.step for each in found.checkpoints]
    true = [run.true(*interval) for interval in zip([0, *steps], steps, strict=False)]
    near = pytest.approx(true, rel=1e-5, abs=expected.within * max(run.rates.values()))
    assert [each.weight for each in found.checkpoints] == near, found.notes
    assert {each.derived for each in found.checkpoints} == {expected.derived}
