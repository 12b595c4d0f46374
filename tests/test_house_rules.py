"""Rules of the house that no linter knows."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOSS = re.compile(
    r"\b(cross_entropy|nll_loss|binary_cross_entropy\w*|mse_loss|CrossEntropyLoss|BCE\w*Loss)\b"
)


def test_nothing_outside_the_tasks_computes_a_loss():
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in ("backend", "pages")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "tasks" not in path.relative_to(ROOT).parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if LOSS.search(line)
    ]
    assert found == []


def test_nothing_outside_the_tasks_names_a_head():
    own = ("ConvForSequenceClassification",)  # a model of ours
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "backend").rglob("*.py"))
        if "tasks" not in path.relative_to(ROOT).parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(r"For(Sequence|Token|Causal|Seq2Seq|MultipleChoice)\w*", line)
        and not any(name in line for name in own)
    ]
    assert found == []


ARGMAX = {  # where it is not what a model says of a row
    "backend/influence/answers/methods/layers.py": "a position",
    "backend/influence/gradients/positions.py": "a position",
    "backend/model/choice.py": "a step",
    "backend/model/generation.py": "a token",
    "backend/model/figures.py": "the largest class",
    "backend/model/recognised.py": "a step",
    "backend/scores/label_noise.py": "a posterior of its own",
    "backend/scores/label_sets.py": "the label that is lacking most",
    "backend/scores/neighbour_votes.py": "votes",
    "backend/scores/producers/association.py": "words",
    "backend/scores/producers/label_words.py": "words",
    "backend/scores/producers/number_words.py": "words",
}


def test_nothing_outside_the_tasks_says_what_a_model_predicts():
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("backend", "pages")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "tasks" not in path.relative_to(ROOT).parts and "argmax(" in path.read_text(encoding="utf-8")
    }
    assert found == set(ARGMAX)
