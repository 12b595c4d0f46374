"""Which columns of the user's data mean what, and the columns that Firstword adds."""

from dataclasses import dataclass

from backend.errors import InputError
from backend.manifest import TaskName

PREFIX = "_fw_"
ID = "_fw_id"
LABEL = "_fw_label"
TEXT = "_fw_text"
"""Of rows for language models: their context (`backend.data.conversation`)."""


@dataclass(frozen=True)
class Columns:
    """Column names as in the source; ``text_b`` makes the text a pair.

    ``labels``: where each label has a column of its own, all of them; ``label`` is the first then.
    """

    text: str
    label: str
    text_b: str | None = None
    id: str | None = None
    group: str | None = None
    split: str | None = None
    annotator: str | None = None
    labels: tuple[str, ...] = ()
    task: TaskName = "classification"

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns that hold the target: one, or one for each label."""
        return self.labels or (self.label,)

    @property
    def texts(self) -> tuple[str, ...]:
        """The text columns: one, or two for a pair."""
        return (self.text,) if self.text_b is None else (self.text, self.text_b)

    @property
    def named(self) -> tuple[str, ...]:
        """Every column that must be there."""
        others = (self.id, self.group, self.annotator, self.split)
        return (*self.texts, *self.targets, *(name for name in others if name is not None))

    def check(self) -> None:
        """`InputError` if one column is used for two things that must differ."""
        content = (*self.texts, *self.targets)
        for name in content:
            if content.count(name) > 1:
                raise InputError(f"column {name!r} is named twice; text, second text and label must differ")
