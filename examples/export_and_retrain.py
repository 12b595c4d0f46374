"""From a decision to data and to what it changes: relabel, export the cleaned rows, retrain beside controls.

    python examples/export_and_retrain.py

The export has a file of what was decided beside it. A trial trains with and without the decisions, and with
as many rows changed at random: what the controls do as well was not the decisions' doing.
"""

import json
import tempfile
from pathlib import Path

from firstword import Workspace
from firstword.extend import Columns

GOOD = ("gorgeous", "witty", "warm", "tender", "bright")
BAD = ("dull", "noisy", "tired", "cold", "slow")


def reviews() -> list[dict[str, str]]:
    """Forty reviews, of which two are labelled wrongly."""
    things = ("film", "story", "cast", "plot")
    rows = [
        {"id": f"{word}-{thing}", "text": f"a {word} {thing}", "label": label}
        for label, words in (("good", GOOD), ("bad", BAD))
        for word in words
        for thing in things
    ]
    for row in rows:
        if row["id"] in ("witty-plot", "warm-plot"):
            row["label"] = "bad"
    return rows


def main() -> None:
    """Decide, export, retrain."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        source = home / "reviews.jsonl"
        source.write_text("".join(json.dumps(each) + "\n" for each in reviews()), encoding="utf-8")
        held_out = home / "eval.jsonl"
        asked = [{"id": f"e-{w}", "text": f"a {w} song", "label": "good"} for w in GOOD]
        asked += [{"id": f"e-{w}", "text": f"a {w} song", "label": "bad"} for w in BAD]
        held_out.write_text("".join(json.dumps(each) + "\n" for each in asked), encoding="utf-8")
        workspace, _ = Workspace.create(
            home / "reviews",
            train=str(source),
            eval=str(held_out),
            model="minilm",
            layers=1,
            columns=Columns("text", "label", id="id"),
        )
        workspace.train(workspace.planned_settings({"epochs": 3, "lr": 1e-3, "batch_size": 8}))

        wrong = ["witty-plot", "warm-plot"]
        workspace.review.decide("relabel", wrong, label="good", reason="praise")
        made = workspace.export("jsonl", home / "cleaned.jsonl")
        print(f"exported {made.path.name}: {made.n_rows} rows")
        for path in sorted(home.glob("cleaned*")):
            print(f"  {path.name}: {path.stat().st_size:,} bytes")

        report = workspace.trials.run()
        for arm in report["arms"]:
            accuracy = arm["figures"]["accuracy"]["mean"]
            print(f"{arm['name']}: accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
