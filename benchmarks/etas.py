"""Etas of real Trainer runs against the learning rates that their word embeddings were trained with.

    python -m benchmarks.etas

Makes a tiny run of each kind in `tests.eta_runs` (some seconds each), in which a callback reads the rate of
the embedding's own group before every update, and writes ``docs/etas.md``: what Firstword derives from the
folder beside the truth.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
import transformers

from backend.model.checkpoints import find_run
from tests.eta_runs import RUNS, make

TABLE = Path(__file__).parents[1] / "docs" / "etas.md"


def row(kind: str, folder: Path) -> tuple[str, float]:
    """A line of the table, and the largest error in it, relative to the run's highest rate."""
    made = make(kind, folder)
    found = find_run(folder, count=9, given=RUNS[kind].given).checkpoints
    steps = [each.step for each in found]
    true = [made.true(*interval) for interval in zip([0, *steps], steps, strict=False)]
    derived = [each.weight for each in found]
    error = max(abs(a - b) for a, b in zip(derived, true, strict=True)) / max(made.rates.values())
    how = ", ".join(dict.fromkeys(each.derived for each in found))
    numbers = (", ".join(f"{value:.4g}" for value in values) for values in (derived, true))
    cells = (kind, ", ".join(map(str, steps)), how, *numbers, "none" if error < 1e-6 else f"{error:.2g}")
    return f"| {' | '.join(cells)} |", error


def main() -> None:
    """Make all, write the table, print the worst."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as home:
        rows = [row(kind, Path(home) / str(number)) for number, kind in enumerate(RUNS)]
    exact = sum(error < 1e-6 for _, error in rows)
    text = f"""# Etas

A checkpoint's eta is the mean learning rate of the word embeddings over the updates since the checkpoint
before (the weights of TracInCP). Here is what Firstword derives from the folder of a run, beside what a
callback in that run saw at every update: real runs of transformers {transformers.__version__} (a BERT of one
layer, AdamW, mostly 39 updates at 1e-3, logged every 5, saved every 10). Written by
`python -m benchmarks.etas`; a test holds every line.

- `logged`: the rates in `trainer_state.json` and those that optimizer and scheduler keep for the next
  update. One schedule (of transformers, or StepLR and MultiStepLR by what they keep) passes through all, or
  every step was logged.
- `interpolated`: none does, and not every step was logged: straight lines between the known rates. A peak or
  a corner between two of them is missed; a note says for which steps.
- `held`: of a schedule that changes at evaluations: each known rate holds up to the next.
- `group`: the logged rates, which are those of the first group of parameters, times the rate of the
  embedding's own group over the first one's (`optimizer.pt`). Where the groups have schedules of their own,
  the embedding's rates at the checkpoints are all that is known.
- `scheduler state`: no rate is logged; `optimizer.pt` and `scheduler.pt` alone.
- `options`: `attach --learning-rate R --schedule NAME --warmup-steps N`.
- `callback`: what `backend.FirstwordCallback` saw in the run, exact for any schedule; the runs below are
  without it.
- `equal`: nothing is known. All weights are 1, and a note says so.

"No states": saved with `save_only_model`. Errors are relative to the run's highest rate; {exact} of
{len(rows)} runs have none (below 1e-6). Where rates are interpolated, may have changed in a step after
the last logged one, or might come after a warm-up that ended before the first known one, `attach` says so.
A resumed run makes its first update with the rate that the optimizer was saved with (0 after the end of a
linear schedule), which no log shows.

| run | checkpoints | derived | eta | true | error |
|---|---|---|---|---|---|
"""
    TABLE.write_text(text + "\n".join(line for line, _ in rows) + "\n", encoding="utf-8")
    print(f"{exact} of {len(rows)} exact; largest error {max(error for _, error in rows):.3g} of the highest")


if __name__ == "__main__":
    main()
