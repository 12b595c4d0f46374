"""Rates of groups of parameters from states of any run, damaged and made-up ones too."""

import os
import pickle
import zipfile
from collections import OrderedDict

import pytest
import torch

from backend.model.drops import Drops, read_drops
from backend.model.embedding_group import EmbeddingGroup, embedding_group
from backend.model.group_rates import GroupRates, read_group_rates
from backend.model.torch_file import read_torch

V, D = 50, 8


def states(folder, optimizer, names=("table", "head"), rates=(1e-5, 1e-3), schedule=None):
    """Saved after an update of a table and a head in groups of their own."""
    parts = {"table": torch.nn.Embedding(V, D), "head": torch.nn.Linear(D, 2)}
    groups = [{"params": list(parts[n].parameters()), "lr": r} for n, r in zip(names, rates, strict=True)]
    made = optimizer(groups)
    scheduler = schedule(made) if schedule else None
    parts["head"](parts["table"](torch.tensor([1, 2]))).sum().backward()
    made.step()
    if scheduler:
        scheduler.step()
        torch.save(scheduler.state_dict(), folder / "scheduler.pt")
    torch.save(made.state_dict(), folder / "optimizer.pt")
    return folder


def halved(optimizer):
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)


@pytest.mark.parametrize("names", [("table", "head"), ("head", "table")])
@pytest.mark.parametrize(
    "optimizer",
    [
        torch.optim.AdamW,
        torch.optim.Adafactor,
        lambda groups: torch.optim.AdamW(groups, capturable=False, amsgrad=True),
        lambda groups: torch.optim.SGD(groups, momentum=0.9),
    ],
)
def test_the_group_of_the_table_is_found_by_its_shape(optimizer, names, tmp_path):
    notes: list[str] = []
    state = read_group_rates(states(tmp_path, optimizer, names, schedule=halved), V, notes)
    assert state is not None and notes == []
    assert state.now == pytest.approx((5e-6, 5e-4)) and state.base == pytest.approx((1e-5, 1e-3))
    number = names.index("table")
    assert state.holding == {number} and not state.stepwise
    found = embedding_group({7: state}, notes)
    assert found.number == number and found.ratio == pytest.approx(1.0 if number == 0 else 100.0)
    assert len(notes) == number  # a note where it isn't the logged group


def test_an_optimizer_without_states_does_not_tell_the_group(tmp_path):
    notes: list[str] = []
    state = read_group_rates(states(tmp_path, torch.optim.SGD), V, notes)
    assert state is not None and state.holding is None
    assert embedding_group({7: state}, notes) == EmbeddingGroup() and "can't be told" in notes[0]


def group(now, base=None, holding=frozenset({1}), **more) -> GroupRates:
    return GroupRates(tuple(now), None if base is None else tuple(base), holding, more.get("stepwise", False))


@pytest.mark.parametrize(
    ("states", "expected", "said"),
    [
        ({}, EmbeddingGroup(), ""),
        ({1: group([1.0, 1.0], [2.0, 2.0])}, EmbeddingGroup(), ""),  # the decayed and the others
        ({1: group([1.0, 0.1]), 2: group([0.5, 0.05])}, EmbeddingGroup(1, 0.1), "0.1 times"),
        ({1: group([1.0, 0.1], [2.0, 0.2]), 2: group([0.0, 0.0])}, EmbeddingGroup(1, 0.1), "0.1 times"),
        ({1: group([1.0, 0.1]), 2: group([0.5, 0.1])}, EmbeddingGroup(1, None), "a schedule of its own"),
        ({1: group([0.0, 0.1], [0.0, 0.2])}, EmbeddingGroup(1, None), "a schedule of its own"),
        ({1: group([1.0, 0.1], holding=frozenset())}, EmbeddingGroup(), ""),  # frozen
        ({1: group([1.0, 0.1], holding=frozenset({0, 1}))}, EmbeddingGroup(), "can't be told"),
        ({1: group([1.0, 0.1, 0.1], holding=frozenset({1, 2}))}, EmbeddingGroup(1, 0.1), "0.1 times"),
    ],
)
def test_which_group_and_how_far_from_the_logged_one(states, expected, said):
    notes: list[str] = []
    found = embedding_group(states, notes)
    assert found.number == expected.number and said in "".join(notes) and len(notes) == bool(said)
    assert found.ratio == (None if expected.ratio is None else pytest.approx(expected.ratio))


def test_a_schedule_in_steps_is_known_by_what_it_keeps(tmp_path):
    folder = states(
        tmp_path, torch.optim.AdamW, schedule=lambda each: torch.optim.lr_scheduler.StepLR(each, 3, 0.5)
    )
    state = read_group_rates(folder, V, [])
    assert state is not None and not state.stepwise and state.drops == Drops(0.5, 1, 3)
    constant = torch.optim.lr_scheduler.ConstantLR(torch.optim.SGD([torch.zeros(1)], lr=1), 0.1)
    torch.save(constant.state_dict(), folder / "scheduler.pt")  # keeps a factor, too
    state = read_group_rates(folder, V, [])
    assert state is not None and not state.stepwise and state.drops is None
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(torch.optim.SGD([torch.zeros(1)], lr=1), factor=0.2)
    torch.save(plateau.state_dict(), folder / "scheduler.pt")
    state = read_group_rates(folder, V, [])
    assert state is not None and state.stepwise and state.factor == 0.2


def test_without_the_optimizer_the_schedule_tells_the_rates(tmp_path):
    (states(tmp_path, torch.optim.AdamW, schedule=halved) / "optimizer.pt").unlink()
    state = read_group_rates(tmp_path, V, [])
    assert state is not None and state.now == pytest.approx((5e-6, 5e-4)) and state.holding is None
    (tmp_path / "scheduler.pt").unlink()
    assert read_group_rates(tmp_path, V, []) is None


class Evil:
    def __reduce__(self):
        return os.mkdir, ("run-by-unpickling",)


def zipped(path, compression=zipfile.ZIP_STORED, content=b"", name="data.pkl"):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(f"archive/{name}", content)


HOSTILE = {
    "empty": lambda path: path.write_bytes(b""),
    "no file of torch": lambda path: path.write_bytes(b"not even a pickle"),
    "a plain pickle": lambda path: path.write_bytes(pickle.dumps(Evil())),
    "an object in an archive": lambda path: torch.save({"state": Evil()}, path),
    "a folder": lambda path: path.mkdir(),
    "compressed": lambda path: zipped(path, zipfile.ZIP_DEFLATED, b"0" * 1000),
    "a long description": lambda path: zipped(path, content=b"0" * (17 << 20)),
    "no description": lambda path: zipped(path, name="other"),
    "cut off": lambda path: path.write_bytes(saved(path)[:-200]),
}


def saved(path) -> bytes:
    torch.save({"state": {}, "param_groups": [{"lr": 1.0}]}, path)
    return path.read_bytes()


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_that_can_not_be_read_is_one_note(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "checkpoint-5"
    folder.mkdir()
    HOSTILE[kind](folder / "optimizer.pt")
    notes: list[str] = []
    assert read_group_rates(folder, V, notes) is None
    (note,) = notes
    assert note.startswith("checkpoint-5: optimizer.pt can't be read (") and len(note) < 300
    assert note.isprintable() and "trust" not in note  # no advice to run it
    assert not (tmp_path / "run-by-unpickling").exists()
    with pytest.raises(ValueError, match=r".+"):
        read_torch(folder / "optimizer.pt")


@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        {"param_groups": 3},
        {"param_groups": [3, None]},
        {"param_groups": [{"lr": "x"}]},
        {"param_groups": [{"lr": float("nan")}, {"lr": 1.0}]},
        {"param_groups": [{"lr": -1.0}]},
        {"param_groups": [{"lr": 10**400}]},
        {"param_groups": [{"lr": torch.zeros(3)}]},
        {"param_groups": [{"lr": torch.zeros(1, device="meta")}]},
        {"param_groups": []},
    ],
)
def test_what_is_no_rate_is_passed_over(content, tmp_path):
    torch.save(content, tmp_path / "optimizer.pt")
    assert read_group_rates(tmp_path, V, []) is None


def test_odd_states_hold_no_table(tmp_path):
    odd = OrderedDict({0: 3, "a": {"exp_avg": [1]}, (1, 2): {"exp_avg": torch.zeros(V)}})
    for params in ([0, "a", (1, 2)], 5, None, [[1], {}]):
        torch.save(
            {"state": odd, "param_groups": [{"lr": torch.tensor(0.5), "params": params}]},
            tmp_path / "optimizer.pt",
        )
        state = read_group_rates(tmp_path, V, [])
        assert state is not None and state.now == (0.5,) and state.holding == frozenset()


@pytest.mark.parametrize(
    "state",
    [
        {"gamma": 0.1, "last_epoch": 3},
        {"gamma": 0.1, "last_epoch": 3, "step_size": 0},
        {"gamma": 0.1, "last_epoch": -1, "step_size": 3},
        {"gamma": "x", "last_epoch": 3, "step_size": 3},
        {"gamma": 0.1, "last_epoch": 3, "milestones": {}},
        {"gamma": 0.1, "last_epoch": 3, "milestones": [3]},
        {"gamma": 0.1, "last_epoch": 3, "milestones": {3: 10**9}},
        {"gamma": 0.1, "last_epoch": 3, "milestones": {"a": 1}},
    ],
)
def test_values_that_no_schedule_in_steps_keeps(state):
    assert read_drops(state) is None
