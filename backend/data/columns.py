"""Which columns of the user's data mean what, and the columns that Firstword adds."""

from dataclasses import dataclass
from typing import Any

from backend.data.conversation import Loss
from backend.errors import InputError
from backend.manifest import Form, TaskName

PREFIX = "_fw_"
ID = "_fw_id"
LABEL = "_fw_label"
TEXT = "_fw_text"
"""Of rows for language models: their context (`backend.data.conversation`)."""

MASKED = "firstword_masked"
"""In the user's own rows: key of a message, or column beside texts and pairs, that says which spans of
characters are not learnt."""


@dataclass(frozen=True)
class Columns:
    """Column names as in the source.

    Parameters
    ----------
    text
        Of the texts; of a language model what is read.
    label
        Of the targets; of a language model what is learnt.
    text_b
        Of second sentences: rows are pairs then.
    id
        Of ids; None: hashes of the content.
    group
        Of where a row comes from.
    split
        Of the split's name, where one source holds both.
    annotator
        Of who labelled.
    labels
        Where each label has a column of its own, all of them; ``label`` is the first then.
    task
        ``classification``, ``multilabel``, ``regression`` or ``causal-lm``.
    form
        How a row for a language model is written: ``text``, ``pair`` or ``messages``.
    system
        Of a text that comes first.
    tools
        Of what the template is told of tools.
    loss
        Which tokens of a language model's row count.

    Raises
    ------
    InputError
        If columns and task don't go together, when the source is read.

    Examples
    --------
    >>> from firstword.settings import Columns
    >>> Columns("review", "sentiment").task
    'classification'
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
    form: Form = ""
    system: str | None = None
    tools: str | None = None
    loss: Loss = "answers"

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns that hold the target: one, or one for each label."""
        return self.labels or (self.label,)

    @property
    def texts(self) -> tuple[str, ...]:
        """The text columns: one, or two for a pair; none where ``form`` says how a row is read."""
        if self.form:
            return ()
        return (self.text,) if self.text_b is None else (self.text, self.text_b)

    @property
    def contents(self) -> tuple[str, ...]:
        """The columns that hold what is read and what is learnt, each once."""
        if not self.form:
            return (*self.texts, *self.targets)
        found = (self.text, self.label, self.system, self.tools)
        return tuple(dict.fromkeys(name for name in found if name is not None))

    @property
    def as_written(self) -> tuple[str, ...]:
        """The columns whose cells stay text where a format knows no types."""
        return self.contents if self.form else self.texts

    @property
    def named(self) -> tuple[str, ...]:
        """Every column that must be there."""
        others = (self.id, self.group, self.annotator, self.split)
        return (*self.contents, *(name for name in others if name is not None))

    def check(self) -> None:
        """`InputError` if one column is used for two things that must differ."""
        if self.form:
            self._check_form()
            return
        content = (*self.texts, *self.targets)
        for name in content:
            if content.count(name) > 1:
                raise InputError(f"column {name!r} is named twice; text, second text and label must differ")

    def _check_form(self) -> None:
        """The same of a row for a language model."""
        of_pair = (self.text, self.label) if self.form == "pair" else (self.text,)
        named = [name for name in (*of_pair, self.system, self.tools) if name is not None]
        for name in named:
            if named.count(name) > 1:
                raise InputError(
                    f"column {name!r} is named twice; what is read and what is learnt must differ"
                )


LANGUAGE_MODEL = "causal-lm"
"""The task whose rows are texts, pairs or messages."""


def columns_of_turns(
    *,
    text: str | None = None,
    prompt: str | None = None,
    completion: str | None = None,
    messages: str | None = None,
    **others: Any,
) -> Columns:
    """The columns of rows for language models: of ``text``, of ``messages``, or of prompt and completion.

    ``others`` as of `Columns`. `InputError` unless one of the three is named whole.
    """
    pair = prompt is not None or completion is not None
    if (text is not None) + pair + (messages is not None) != 1:
        raise InputError(
            f"--task {LANGUAGE_MODEL}: name the columns of a row with --text, with --messages, or with "
            "--prompt and --completion"
        )
    if pair and (prompt is None or completion is None):
        missing = "--prompt" if prompt is None else "--completion"
        raise InputError(f"{missing}: missing; --prompt and --completion belong together")
    form: Form = "text" if text is not None else "pair" if pair else "messages"
    read = text or messages or prompt or ""
    return Columns(read, completion or read, task=LANGUAGE_MODEL, form=form, **others)
