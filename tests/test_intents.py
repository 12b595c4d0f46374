"""The made-up set of 77 intents that benchmarks and pictures use."""

import csv
import subprocess
import sys
from collections import Counter

from benchmarks.intents import class_names, intents


def test_same_arguments_give_the_same_rows_and_no_text_is_there_twice():
    first, second = intents(1500, 300, seed=3), intents(1500, 300, seed=3)
    assert first == second != intents(1500, 300, seed=4)
    train, evaluation = first
    texts = [row["text"] for row in (*train, *evaluation)]
    assert len(train) == 1500 and len(evaluation) == 300 and len(set(texts)) == len(texts)
    assert {row["label"] for row in train} == {row["label"] for row in evaluation} == set(class_names())


def test_sizes_of_classes_as_asked():
    even, uneven = (Counter(row["label"] for row in intents(3000, 77, uneven=each)[0]) for each in (0.0, 1.0))
    assert max(even.values()) < 3 * min(even.values())
    assert max(uneven.values()) > 20 * min(uneven.values()) and len(uneven) == 77


def test_long_names_stay_different():
    names = class_names(long_names=True)
    assert len(set(names)) == 77 and max(map(len, names)) == 60


def test_noise_plants_neighbours_in_the_training_rows_alone():
    (clean, held), (noisy, same) = intents(1000, 200), intents(1000, 200, noise=0.2)
    changed = [
        (before["label"], after["label"])
        for before, after in zip(clean, noisy, strict=True)
        if before["label"] != after["label"]
    ]
    assert held == same and 150 < len(changed) < 250
    assert all(before.split(":")[0] == after.split(":")[0] for before, after in changed)


def test_command_line_writes_both_splits(tmp_path):
    command = [
        sys.executable,
        "-m",
        "benchmarks.intents",
        "--rows",
        "100",
        "--eval",
        "80",
        "--out",
        str(tmp_path),
    ]
    subprocess.run(command, check=True)
    for name, count in (("train", 100), ("eval", 80)):
        with (tmp_path / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == count and list(rows[0]) == ["id", "text", "label"]
