"""How far several annotators of the same texts agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from backend.data.remark import Remark, count_of


@dataclass(frozen=True)
class Agreement:
    """Of the texts with at least two rows: how many, how many unanimous, Krippendorff's alpha.

    ``outvoted``: texts with a strict majority for one label and at least one row against it; ``against``:
    those rows. ``split``: texts without a majority. ``alpha`` is None where nothing varies.
    """

    annotators: int
    texts: int
    unanimous: int
    alpha: float | None
    outvoted: int
    against: int
    split: int

    def remarks(self) -> list[Remark]:
        """A few lines for a person."""
        if not self.texts:
            return [Remark("agreement", f"{count_of(self.annotators, 'annotator')}; no text has two rows")]
        alpha = "" if self.alpha is None else f", Krippendorff's alpha {self.alpha:.3f}"
        lines = [
            Remark(
                "agreement",
                f"{count_of(self.annotators, 'annotator')}: of {count_of(self.texts, 'text')} with two "
                f"rows or more, {self.unanimous / self.texts:.1%} are unanimous{alpha}",
                self.texts,
            )
        ]
        if self.outvoted:
            verb = "has" if self.outvoted == 1 else "have"
            text = (
                f"{count_of(self.outvoted, 'text')} {verb} a majority against a row "
                f"({count_of(self.against, 'row')} against)"
            )
            lines.append(Remark("outvoted", text, self.outvoted))
        if self.split:
            verb = "has" if self.split == 1 else "have"
            lines.append(
                Remark("no majority", f"{count_of(self.split, 'text')} {verb} no majority", self.split)
            )
        return lines


def agreement(texts: Sequence[Hashable], labels: Sequence[str], annotators: Sequence[str]) -> Agreement:
    """Agreement over n rows: a key that is equal for equal texts, the label, who gave it ("" for nobody)."""
    votes: dict[Hashable, Counter[str]] = defaultdict(Counter)
    for text, label in zip(texts, labels, strict=True):
        votes[text][label] += 1
    several = [each for each in votes.values() if each.total() > 1]
    outvoted = against = split = 0
    for each in several:
        most = each.most_common(1)[0][1]
        if 2 * most > each.total():
            outvoted += most < each.total()
            against += each.total() - most
        else:
            split += 1
    return Agreement(
        annotators=len({each for each in annotators if each}),
        texts=len(several),
        unanimous=sum(len(each) == 1 for each in several),
        alpha=krippendorff_alpha(several),
        outvoted=outvoted,
        against=against,
        split=split,
    )


def krippendorff_alpha(units: Sequence[Counter[str]]) -> float | None:
    """1 - observed / expected disagreement for nominal data with any number of raters a unit.

    ``units``: how often each label was given to each unit; units of one label are left out. None where all
    labels are the same. Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section C:
    alpha = 1 - (n - 1) sum_u [m_u^2 - sum_c n_uc^2] / (m_u - 1) / [n^2 - sum_c n_c^2].
    """
    units = [each for each in units if each.total() > 1]
    totals: Counter[str] = Counter()
    observed = 0.0
    for each in units:
        m = each.total()
        observed += (m * m - sum(n * n for n in each.values())) / (m - 1)
        totals.update(each)
    n = totals.total()
    expected = n * n - sum(each * each for each in totals.values())
    return None if not expected else 1 - (n - 1) * observed / expected
