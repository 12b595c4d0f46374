"""A small workspace with 77 classes whose names have 60 characters, and one whose name has 10,000.

The names begin alike, as those of a taxonomy do; some differ only at their ends.
"""

from pathlib import Path

from backend.model.training_settings import TrainingSettings
from backend.workspace import Workspace
from tests.scores.helpers import workspace_of

COUNT = 77
LENGTH = 60
LONGEST = 10_000
TOPICS = [
    "card",
    "cash",
    "loan",
    "rent",
    "mortgage",
    "pension",
    "exchange",
    "top-up",
    "transfer",
    "refund",
    "statement",
]
VERBS = [
    "arrived late",
    "was declined",
    "costs too much",
    "cannot be found",
    "is wrong",
    "changed",
    "must be cancelled",
]
HUGE = "L" * LONGEST


def class_names() -> list[str]:
    """76 names of exactly 60 characters, and `HUGE`."""
    names = []
    for topic in TOPICS:
        for verb in VERBS:
            end = f"{topic} {verb}"
            start = "private_customers/support/chat/questions_about_the_account/"
            names.append(start[: LENGTH - len(end)] + end)
    return [*names[: COUNT - 1], HUGE]


def many_rows(per_class: int, start: int = 0) -> list[tuple[str, str]]:
    """Texts with labels: uneven, the first classes have up to ``per_class`` rows, the last ones one."""
    rows = []
    for number, name in enumerate(class_names()):
        topic, verb = TOPICS[number // len(VERBS)], VERBS[number % len(VERBS)]
        for copy in range(start, start + max(1, per_class - number * per_class // COUNT)):
            rows.append((f"my {topic} {verb}, number {copy}, please help me with it", name))
    return rows


def build_many(folder: Path, per_class: int = 4) -> Workspace:
    """The workspace: trained a little, precomputed, with scores that need no encoder and some decisions."""
    train = many_rows(per_class)
    for place in range(1, len(train) // 2, 12):  # wrong labels, where a class has several rows
        train[place] = (train[place][0], train[(place + 37) % len(train)][1])
    made = workspace_of(folder, train, many_rows(1, 100), num_labels=COUNT)
    settings = TrainingSettings(epochs=6, lr=5e-3, batch_size=16, checkpoints=2, precision="fp32")
    made.train(settings)
    made.precompute()
    made.compute_scores(["dynamics", "association"])
    return made
