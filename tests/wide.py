"""Small whole workspaces that are wider than most here: 12 and 80 classes, rows in several shards.

    @pytest.fixture(scope="module", params=WIDE.values(), ids=WIDE)
    def wide(request, tmp_path_factory):
        with request.param.built(tmp_path_factory.mktemp("wide")) as workspace: ...

Shards stay small as long as the block lasts, for whatever reads the workspace in this process, AppTest's
script too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from backend.data import shards
from backend.model.training_settings import TrainingSettings
from backend.scores.settings import ScoreSettings
from backend.workspace import Workspace
from tests.scores.helpers import tiny_encoder, workspace_of

THINGS = ("card", "loan", "rent", "cash", "refund", "pension", "transfer", "invoice", "account", "mortgage")
EVENTS = ("late", "declined", "wrong", "lost", "stolen", "changed", "cancelled", "doubled")
SCORES = ("dynamics", "association", "neighbours", "label_quality", "label_noise")
SETTINGS = TrainingSettings(epochs=25, lr=5e-3, batch_size=16, checkpoints=2, precision="fp32")


@contextmanager
def shards_of(size: int | None) -> Iterator[None]:
    """Shards of so many examples; None: as in the product."""
    with pytest.MonkeyPatch.context() as patch:
        if size is not None:
            patch.setattr(shards, "SHARD_EXAMPLES", size)
        yield


@dataclass(frozen=True)
class Wide:
    """``classes`` classes of ``per_class`` training rows each, in shards of ``shard`` examples."""

    classes: int
    per_class: int
    shard: int | None = None

    def rows(self, per_class: int, start: int = 0) -> list[tuple[str, str]]:
        """Texts with labels, class after class; the text of a class names its thing and its event."""
        kinds = [(thing, event) for event in EVENTS for thing in THINGS][: self.classes]
        return [
            (f"my {thing} is {event}, case {number % 7}, please help", f"{thing} {event}")
            for number in range(start, start + per_class)
            for thing, event in kinds
        ]

    def train(self) -> list[tuple[str, str]]:
        """The training rows; the wrong label is that of the row before."""
        rows = self.rows(self.per_class)
        for place in self.wrong():
            rows[place] = (rows[place][0], rows[place - 1][1])
        return rows

    def wrong(self) -> range:
        """Places of the training rows whose label is wrong."""
        return range(8, self.classes * self.per_class, 9)

    @contextmanager
    def built(self, folder: Path) -> Iterator[Workspace]:
        """The workspace: trained a little, precomputed, with the scores that the queue reads."""
        with shards_of(self.shard):
            made = workspace_of(folder, self.train(), self.rows(1, 100), num_labels=self.classes)
            made.train(SETTINGS)
            made.precompute()
            made.compute_scores(SCORES, ScoreSettings(encoder=tiny_encoder(made), device="cpu"))
            yield made


WIDE = {"12 classes, 5 shards": Wide(12, 6, shard=16), "80 classes": Wide(80, 2)}
