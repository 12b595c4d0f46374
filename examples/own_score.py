"""A score of your own: how much of a text is written in capitals, and whether wrong labels hide there.

    python examples/own_score.py

As an extension, the command line and the app know it, too:

    FIRSTWORD_EXTENSIONS=examples/own_score.py firstword scores WORKSPACE --only shouting
"""

import json
import tempfile
from pathlib import Path

from firstword import Workspace
from firstword.extend import Columns, Producer, Score, ScoreColumns, ScoreContext, register_scores


def shares_of_capitals(context: ScoreContext) -> ScoreColumns:
    """The share of letters that are capitals: one number for each training row, in their order."""
    found = []
    for text in context.train.texts:
        letters = [each for each in text if each.isalpha()]
        found.append(sum(each.isupper() for each in letters) / max(len(letters), 1))
    return {"shouting": found}


register_scores(
    Producer(
        name="shouting",
        cost="none",
        compute=shares_of_capitals,
        tasks=None,  # every task
        scores=(
            Score(
                name="shouting",
                title="shouting",
                high="much of the text is written in capitals",
                serves="suspect label",
                suspect="high",
                formula="capital letters / letters",
                source="this file",
                sentence="is written in capitals ({shouting:.0%} of its letters)",
                beyond=0.5,
            ),
        ),
    )
)


def main() -> None:
    """Score sixteen reviews, two of which shout, and list the most suspicious."""
    with tempfile.TemporaryDirectory() as scratch:
        rows = [{"text": f"a fine film, number {n}", "label": "good"} for n in range(8)]
        rows += [{"text": f"a dull film, number {n}", "label": "bad"} for n in range(8)]
        rows[3]["text"], rows[12]["text"] = rows[3]["text"].upper(), rows[12]["text"].upper()
        source = Path(scratch) / "reviews.jsonl"
        source.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
        workspace, _ = Workspace.create(
            Path(scratch) / "reviews",
            train=str(source),
            eval="0.25",
            model="minilm",
            columns=Columns("text", "label"),
        )
        workspace.scores.compute(["shouting"])
        table = workspace.scores.table()
        print(f"{len(table.ids)} training rows; shouting from {min(table.values('shouting')):.2f} upwards")
        for item in workspace.scores.queue()[:3]:
            why = "; ".join(each.sentence for each in item.reasons) or "nothing speaks against it"
            print(f"{item.rank}. {item.text!r} ({item.label}): {why}")


if __name__ == "__main__":
    main()
