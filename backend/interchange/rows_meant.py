"""Which training row a record of another tool is about, and whether what was shown there stands here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property

from backend.data.conversation import Conversation
from backend.data.conversation_text import readable
from backend.data.dataset import Split
from backend.interchange.said import ROW_ID, TEXT, TEXT_B, Judged


def shown_texts(train: Split, at: int, label: str) -> tuple[str, ...]:
    """The texts of a row as they are given to another tool: of a conversation what is read of it."""
    texts = train.texts_of(at)
    if train.examples.reading is None:
        return texts
    return (readable(Conversation.of(texts[0], label), "read"),)


class RowsMeant:
    """Finds rows: by our id, which goes out with every row; by the tool's id; by a text of one row only."""

    def __init__(self, train: Split, labels: Mapping[str, str]) -> None:
        """``labels``: those in force, by id, where they are not those that the rows came with."""
        self._train, self._labels = train, labels

    def id_of(self, record: Judged) -> str | None:
        """None where no row is meant, or it is not known which."""
        own = record.shown.get(ROW_ID)
        if own not in (None, ""):
            return str(own)
        if record.id is not None and self._train.has(record.id):
            return record.id
        return self._by_text.get(self._texts_in(record)[0] or "")

    def same_texts(self, row: str, record: Judged) -> bool:
        """Whether the texts that were shown are those of the row; not where none of them is in the record."""
        at = self._train.position(row)
        here = (*shown_texts(self._train, at, self._labels.get(row, self._train.labels[at])), None)
        pairs = zip(self._texts_in(record), here[:2], strict=True)
        compared = [said == text for said, text in pairs if said is not None and text is not None]
        return bool(compared) and all(compared)

    def _texts_in(self, record: Judged) -> tuple[str | None, str | None]:
        names = self._train.info.text, self._train.info.text_b
        found = []
        for ours, theirs in zip((TEXT, TEXT_B), names, strict=True):
            text = record.shown.get(ours, record.shown.get(theirs or ""))
            found.append(text if isinstance(text, str) else None)
        return found[0], found[1]

    @cached_property
    def _by_text(self) -> dict[str, str]:
        """Ids by the texts that stand in one row only; of pairs none is known by one of its texts."""
        if len(self._train.info.text_columns) > 1 or self._train.examples.reading is not None:
            return {}
        count = Counter(self._train.texts)
        return {
            text: row
            for text, row in zip(self._train.texts, self._train.ids, strict=True)
            if count[text] == 1
        }
