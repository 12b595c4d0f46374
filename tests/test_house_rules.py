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
