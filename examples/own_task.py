"""A task of your own: counts, such as votes, learnt with a Poisson loss.

    python examples/own_task.py

As an extension, the command line and the app know it, too:

    FIRSTWORD_EXTENSIONS=examples/own_task.py firstword init WORKSPACE --train votes.jsonl --eval 0.2 \\
        --text text --label votes --task counts

It takes what numbers have and says what differs; docs/add_a_task.md has the whole story.
"""

import json
import tempfile
from pathlib import Path

import numpy as np

from firstword import InputError, Workspace
from firstword.extend import Columns, RealNumbers, Regression, named_figures, register_task


class CountTargets(RealNumbers):
    """Read, kept and written like numbers, but whole and not negative."""

    task = "counts"

    def info(self, part, columns, naming):
        """Refuses what is no count, in one line."""
        wrong = next((each for each in part.labels if float(each) < 0 or not float(each).is_integer()), None)
        if wrong is not None:
            raise InputError(f"{part.rows.file}, column {columns.label!r}: {wrong} is no count")
        return super().info(part, columns, naming)


class Counts(Regression):
    """One output z, the logarithm of the rate; loss exp(z) - y z (Poisson, without its constant)."""

    name = "counts"
    figure_names = (("deviance", "Mean deviance", "low"), *Regression.figure_names)

    def losses(self, logits, targets):
        """(B) from logits (B, 1) and counts (B); infinity asks for a direction, as in `Regression`."""
        z, directed = logits.squeeze(-1), targets.isinf()
        counts = targets.masked_fill(directed, 0)
        return (z.exp() - counts * z).where(~directed, -targets.sign() * z)

    def outputs(self, logits):
        """The rates: float32 (n, 1)."""
        return np.exp(logits.astype(np.float32))

    def head_bias(self, targets):
        """A new head begins with the logarithm of the mean count."""
        return np.log(super().head_bias(targets) + 1e-3)

    def residuals(self, outputs, targets):
        """d loss / d z = rate - y: (n, 1)."""
        found = outputs[:, 0] - np.where(np.isinf(targets), 0, targets)
        return np.where(np.isinf(targets), -np.sign(targets), found).astype(outputs.dtype)[:, None]

    def losses_of(self, outputs, targets):
        """`losses` from the rates: float64 (n)."""
        z, directed = np.log(np.maximum(outputs[:, 0].astype(np.float64), 1e-30)), np.isinf(targets)
        return np.where(directed, -np.sign(targets) * z, np.exp(z) - np.where(directed, 0, targets) * z)

    def unknown(self, targets, outputs):
        """A nat more than guessing their mean."""
        return float(targets.mean() * (1 - np.log(targets.mean()))) + 1

    def figures(self, space, outputs, targets):
        """Deviance first, then those of numbers."""
        y = np.array([float(each) for each in targets])
        best = np.where(y > 0, y * np.log(np.maximum(y, 1)) - y, 0)
        deviance = 2 * (best + self.losses_of(outputs, y)).mean()
        others = [each.value for each in super().figures(space, outputs, targets)]
        return named_figures(self.figure_names, deviance, *others)


register_task(Counts(), CountTargets())


def main() -> None:
    """Train on forty texts with votes, and ask why one gets so many."""
    words = {"gorgeous": 9, "witty": 7, "fine": 4, "plain": 2, "dull": 0}
    things = ("film", "story", "cast", "music", "idea", "song", "play", "book")
    rows = [{"text": f"a {word} {thing}", "votes": n} for word, n in words.items() for thing in things]
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "votes.jsonl"
        source.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
        workspace, _ = Workspace.create(
            Path(scratch) / "votes",
            train=str(source),
            eval="0.2",
            model="minilm",
            layers=1,
            columns=Columns("text", "votes", task="counts"),
        )
        workspace.train(workspace.planned_settings({"epochs": 4, "lr": 1e-3, "batch_size": 8}))
        workspace.precompute()
        for figure in workspace.measured() or ():
            print(f"{figure.title}: {figure.value:.3g}")
        answer = workspace.explain("a gorgeous idea", k=3)
        for each in answer.proponents:
            print(f"  {each.score:+.3g} {each.text!r} ({each.label} votes)")


if __name__ == "__main__":
    main()
