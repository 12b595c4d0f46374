"""Etas of runs with any schedule of torch or transformers: exact, or a note says which may not be."""

import json
import math
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler as torch_schedules
from transformers import get_scheduler

from backend.model.embedding_group import EmbeddingGroup
from backend.model.etas import Eta, find_etas
from backend.model.run_parts import RunRates, find_parts
from backend.model.trainer_log import TrainerLog, furthest_log

TOTAL, ENDS, PEAK = 100, (25, 50, 75, 100), 1e-3


def hf(name, warmup=10, **more):
    return lambda optimizer: get_scheduler(name, optimizer, warmup, TOTAL, more)


def warm_cosine(optimizer):
    warm = torch_schedules.LinearLR(optimizer, 0.1, 1, 15)
    rest = torch_schedules.CosineAnnealingLR(optimizer, TOTAL - 15)
    return torch_schedules.SequentialLR(optimizer, [warm, rest], [15])


EXACT = {
    "linear": hf("linear", 33),
    "step, 7": lambda optimizer: torch_schedules.StepLR(optimizer, 7, 0.5),
    "step, 25": lambda optimizer: torch_schedules.StepLR(optimizer, 25, 0.1),
    "milestones": lambda optimizer: torch_schedules.MultiStepLR(optimizer, [33, 50, 50, 66], 0.1),
}
WITH_OPTION = {
    "cosine_with_restarts": hf("cosine_with_restarts", 0, num_cycles=2),
    "cosine_with_restarts, warm-up": hf("cosine_with_restarts", num_cycles=3),
    "polynomial": hf("polynomial", power=2.0),
    "cosine_with_min_lr": hf("cosine_with_min_lr", 7, min_lr_rate=0.1),
    "warmup_stable_decay": hf("warmup_stable_decay", num_decay_steps=35),
}
OTHER = {
    "constant, then more": lambda optimizer: torch_schedules.ConstantLR(optimizer, 0.1, 15),
    "exponential": lambda optimizer: torch_schedules.ExponentialLR(optimizer, 0.95),
    "one cycle": lambda optimizer: torch_schedules.OneCycleLR(optimizer, PEAK, total_steps=TOTAL + 1),
    "warm restarts": lambda optimizer: torch_schedules.CosineAnnealingWarmRestarts(optimizer, 33),
    "sequential": warm_cosine,
}


@dataclass
class Run:
    folder: Path
    true: list[float] = field(default_factory=list)
    folders: dict[int, Path] = field(default_factory=dict)

    def means(self) -> list[float]:
        return [float(np.mean(self.true[a:b])) for a, b in zip((0, *ENDS), ENDS, strict=False)]

    def etas(self) -> tuple[list[Eta], list[str]]:
        notes: list[str] = []
        log = furthest_log(self.folder, list(self.folders.values()), [])
        return find_etas(self.folders, ENDS, log, None, notes), notes


def made(folder, schedule, every=10, states=True, next_rate=False, files=None) -> Run:
    """A run that was logged ``every`` so many steps, with the update's own rate or the next one's."""
    weight = torch.nn.Parameter(torch.zeros(3, 2))
    weight.grad = torch.ones(3, 2)
    optimizer = torch.optim.AdamW([weight], lr=PEAK)
    run, history = Run(folder), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler = schedule(optimizer)
        for step in range(1, TOTAL + 1):
            run.true.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            scheduler.step()
            if step % every == 0:
                rate = optimizer.param_groups[0]["lr"] if next_rate else run.true[-1]
                history.append({"step": step, "learning_rate": float(rate)})
            history += [{"step": step, "eval_loss": 1.0}] if step in ENDS else []
            if step in ENDS:
                at = run.folders[step] = folder / f"checkpoint-{step}"
                at.mkdir(parents=True)
                state = {"global_step": step, "max_steps": TOTAL, "log_history": history}
                (at / "trainer_state.json").write_text(json.dumps(state))
                for name, content in (files or {"config.json": {"vocab_size": 3}}).items():
                    (at / name).write_text(json.dumps(content))
                if states:
                    torch.save(optimizer.state_dict(), at / "optimizer.pt")
                    torch.save(scheduler.state_dict(), at / "scheduler.pt")
    return run


@pytest.mark.parametrize("every", [1, 10, 500])
@pytest.mark.parametrize("name", EXACT)
def test_schedules_that_the_states_tell_exactly(name, every, tmp_path):
    run = made(tmp_path, EXACT[name], every)
    found, notes = run.etas()
    assert [each.weight for each in found] == pytest.approx(run.means(), rel=1e-9)
    assert {each.derived for each in found} == {"logged" if every < TOTAL else "scheduler state"}
    assert not any("interpolated" in note for note in notes)


@pytest.mark.parametrize("every", [1, 5])
@pytest.mark.parametrize("name", WITH_OPTION)
def test_options_that_the_rates_tell(name, every, tmp_path):
    run = made(tmp_path, WITH_OPTION[name], every)
    found, notes = run.etas()
    assert [each.weight for each in found] == pytest.approx(run.means(), rel=1e-5)
    assert {each.derived for each in found} == {"logged"} and notes == []


OTHER |= WITH_OPTION


@pytest.mark.parametrize("states", [True, False])
@pytest.mark.parametrize("every", [1, 10, 500])
@pytest.mark.parametrize("name", OTHER)
def test_what_may_be_off_is_said(name, every, states, tmp_path):
    run = made(tmp_path, OTHER[name], every, states)
    found, notes = run.etas()
    said = [note for note in notes if "are interpolated" in note]
    hidden = any("warm-up before it would not show" in note for note in notes)
    assert len(said) == any(each.derived == "interpolated" for each in found)
    for each, true, end in zip(found, run.means(), ENDS, strict=True):
        if not math.isclose(each.weight, true, rel_tol=1e-5):
            assert each.derived in ("interpolated", "equal") or (hidden and end == ENDS[0])
        assert each.derived != "interpolated" or str(end) in said[0]
    assert not any("resumed" in note for note in notes)
    assert "held" not in {each.derived for each in found}


@pytest.mark.parametrize("files", [{"adapter_config.json": {}}, {"config.json": {"vocab_size": 3}}])
@pytest.mark.parametrize("name", ["linear", "cosine"])
@pytest.mark.parametrize("next_rate", [True, False])
def test_states_tell_whether_the_log_is_one_update_ahead(next_rate, name, files, tmp_path):
    run = made(tmp_path, hf(name), 5, next_rate=next_rate, files=files)
    found, notes = run.etas()
    assert [each.weight for each in found] == pytest.approx(run.means(), rel=1e-6)
    assert any("logs the learning rate of the next update" in note for note in notes) == next_rate


@pytest.mark.parametrize(
    ("config", "said"), [({}, True), ({"peft_version": "0.13.2"}, True), ({"peft_version": "0.18.0"}, False)]
)
def test_adapters_that_do_not_tell_it(config, said, tmp_path):
    run = made(tmp_path / "run", hf("linear"), 10, states=False, files={"adapter_config.json": config})
    assert any("Which transformers trained the adapters" in note for note in run.etas()[1]) == said
    flat = made(tmp_path / "flat", hf("constant"), 10, states=False, files={"adapter_config.json": config})
    assert not any("Which transformers" in note for note in flat.etas()[1])


def test_a_schedule_that_was_not_moved_at_every_update_is_not_computed(tmp_path):
    run = made(tmp_path, EXACT["step, 25"], 10)
    for at in run.folders.values():
        state = torch.load(at / "scheduler.pt", weights_only=True)
        torch.save({**state, "last_epoch": 1}, at / "scheduler.pt")
    found, notes = run.etas()
    assert {each.derived for each in found} == {"held"} and "changes in steps" in " ".join(notes)


@pytest.mark.parametrize("again", [True, False])
def test_a_jump_is_a_resume_only_where_steps_are_logged_again(again):
    rates = [(5, 0.4), (10, 0.3), *([(15, 0.2), (20, 0.1)] if again else []), (15, 0.9), (20, 0.8), (25, 0.6)]
    log = TrainerLog.read({"log_history": [{"step": step, "learning_rate": rate} for step, rate in rates]})
    parts = find_parts(RunRates(log, {}, EmbeddingGroup(), [10, 25]))
    assert [(part.upto, part.resumed) for part in parts] == [(10, again), (math.inf, False)]
