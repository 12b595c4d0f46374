"""`Workspace.answers`: why a model says something, what it writes, and how much of that its base says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from backend.data.dataset import Split
from backend.data.targets.typed import Typed, as_typed
from backend.folder import Folder
from backend.handles.base_share import asked_shares
from backend.handles.handle import Handle
from backend.manifest import SplitName

if TYPE_CHECKING:
    from backend.influence.answers.about_answer import AboutAnswer
    from backend.influence.answers.explain import Explainer
    from backend.influence.answers.explanation import Explanation, Pair
    from backend.influence.answers.question import Question
    from backend.model.base_share import BaseAndTuned, SpanChange
    from backend.model.generation import Writing, Written


class Answers(Handle):
    """Single questions, about a text, a row or an answer.

    Examples
    --------
    >>> ws.answers.explain(row="er1003").query.row
    'er1003'
    """

    def __init__(
        self, folder: Folder, split: Callable[[SplitName], Split], explainer: Callable[[str], Explainer]
    ) -> None:
        super().__init__(folder, split, explainer)
        self._opening = threading.Lock()
        self._compared: tuple[tuple[str, str, str], BaseAndTuned] | None = None

    def explain(
        self,
        text: str | None = None,
        text_b: str | None = None,
        *,
        row: str | None = None,
        split: SplitName | None = None,
        label: Typed | None = None,
        k: int = 10,
        exact: bool = False,
        method: str = "we",
        score: str | None = None,
        damping: float | None = None,
        about: AboutAnswer | None = None,
        device: str = "auto",
    ) -> Explanation:
        """The most influential training examples of a typed text or of a row, word by word.

        Parameters
        ----------
        text
            What to explain; or ``row``.
        text_b
            Its second sentence, where rows are pairs.
        row
            Id of a row.
        split
            ``train`` or ``eval``, where both have the row.
        label
            The class (label, number) whose loss is traced; None: the predicted one ("why this?").
        k
            How many proponents and opponents.
        exact
            Scan everything, and make the gradients of the best anew in fp32.
        method
            A name that `firstword methods` lists.
        score
            One of its scores; None: its first.
        damping
            Of the scores that have one; None: the score's own.
        about
            What is asked of a language model, beside ``row`` or in its place.
        device
            ``cpu``, ``cuda`` or ``auto``.

        Returns
        -------
        Explanation
            The query with its probabilities; proponents and opponents, strongest first, each with its score
            (the
            first-order change of the query's loss) and the share of every word and token; notes.

        Raises
        ------
        InputError
            If there is no such row, class, method or score, no text, or no current index.

        Examples
        --------
        >>> answer = ws.explain("a gorgeous film", k=3)
        >>> [each.rank for each in answer.opponents]
        [1, 2, 3]
        >>> ws.explain(row="er1003", label="good").query.label  # why not good?
        'good'
        >>> from firstword.settings import AboutAnswer
        >>> chats.explain(about=AboutAnswer(prompt="Where was Ada Morel born?", answer="In Delhi.")).has_words
        True
        """
        from backend.influence.answers.question import Question

        asked = None if label is None else as_typed(label)
        question = Question(text, text_b, row, split, asked, k, exact, method, score, damping, about)
        self.check(question)
        return self._explainer(device).explain(question)

    def write(
        self,
        about: AboutAnswer,
        how: Writing | None = None,
        *,
        row: str | None = None,
        split: SplitName | None = None,
        told: Callable[[str], bool | None] | None = None,
        device: str = "auto",
    ) -> Written:
        """What a language model answers to a prompt, to messages, or in place of a row's last answer.

        Parameters
        ----------
        about
            The prompt or messages.
        how
            How many tokens, temperature, seed; None: 128 at most, the likeliest each time.
        row
            Id of a row.
        split
            ``train`` or ``eval``, where both have the row.
        told
            Gets the text as it grows; with False it ends the writing.
        device
            ``cpu``, ``cuda`` or ``auto``.

        Returns
        -------
        Written
            The text, its tokens, and why writing stopped.

        Raises
        ------
        InputError
            If the model does not write, or there is neither prompt nor row.

        Examples
        --------
        >>> from firstword.settings import AboutAnswer, Writing
        >>> written = chats.write_answer(AboutAnswer(prompt="Where was Ada Morel born?"), Writing(most=4))
        >>> len(written.tokens) <= 4
        True
        """
        from backend.influence.answers.question import Question, conversation_to_answer
        from backend.model.generation import Writing

        question = Question(row=row, split=split, about=about)
        conversation = conversation_to_answer(question, self._split, self._folder.manifest())
        return self._explainer(device).checkpoints.write(conversation, how or Writing(), told)

    def explain_pair(
        self,
        train: str,
        text: str | None = None,
        text_b: str | None = None,
        *,
        row: str | None = None,
        split: SplitName | None = None,
        label: Typed | None = None,
        method: str = "we",
        score: str | None = None,
        about: AboutAnswer | None = None,
        device: str = "auto",
    ) -> Pair:
        """What a training row has to do with a text or row, wherever it ranks.

        Parameters
        ----------
        train
            Id of the training row.
        text, text_b, row, split, label, method, score, about
            The question, as in `explain`.
        device
            ``cpu``, ``cuda`` or ``auto``.

        Returns
        -------
        Pair
            The row's entry, the parts of its score by pairs of words, and the scores of all rows as a
            histogram.

        Raises
        ------
        InputError
            As `explain`, and if there is no such training row.

        Examples
        --------
        >>> pair = ws.explain_pair("r3", row="er1003")
        >>> pair.entry.id, pair.n_train
        ('r3', 60)
        """
        from backend.influence.answers.question import Question

        asked = None if label is None else as_typed(label)
        question = Question(text, text_b, row, split, asked, method=method, score=score, about=about)
        self.check(question)
        return self._explainer(device).explain_pair(question, train)

    def base_share(
        self,
        *,
        row: str | None = None,
        split: SplitName | None = None,
        about: AboutAnswer | None = None,
        base: str | None = None,
        device: str = "auto",
    ) -> tuple[list[SpanChange], str]:
        """How much of an answer's loss fine-tuning changed, mark by mark.

        Parameters
        ----------
        row
            Id of the row whose answer is meant.
        split
            ``train`` or ``eval``, where both have the row.
        about
            The answer, in place of a row's, and marks in it.
        base
            The model that the run began with, where it does not say it.
        device
            ``cpu``, ``cuda`` or ``auto``.

        Returns
        -------
        tuple[list[SpanChange], str]
            For each mark the loss per token before and after, in nats, and a verdict; the name of the base.

        Raises
        ------
        InputError
            If the model does not write, there is no such row, or the base is not known or not there.

        Examples
        --------
        >>> changes, base = chats.base_share(row="e1", base="chats_model")
        >>> changes[0].text, changes[0].base > changes[0].tuned
        ('Ada Morel was born in Lisbon.', True)
        """
        from backend.influence.answers.about_answer import AboutAnswer
        from backend.model.base_share import base_name, load_base_and_tuned

        with self._opening:
            name = base_name(self._folder, base)
            key = self._folder.require("checkpoints", "train").id, name, device
            if self._compared is None or self._compared[0] != key:
                self._compared = key, load_base_and_tuned(self._folder, base, device)
            models = self._compared[1]
        return asked_shares(self._folder, self._split, models, row, split, about or AboutAnswer()), name

    def check(self, question: Question) -> None:
        """Check a question without loading a model.

        Parameters
        ----------
        question
            As `explain` makes it of its arguments.

        Raises
        ------
        InputError
            If it makes no sense, or there is no current index to answer it.

        Examples
        --------
        >>> from firstword.settings import Question
        >>> ws.answers.check(Question(text="a gorgeous film"))
        >>> ws.answers.check(Question(row="nobody"))
        Traceback (most recent call last):
        backend.errors.InputError: ...
        """
        from backend.influence.answers.question import check_question, look_up, resolve_question
        from backend.tasks.heads import CAUSAL_LM

        manifest = self._folder.manifest()
        check_question(question, manifest.task)
        if manifest.task.name == CAUSAL_LM:
            look_up(question, self._split, manifest.data)
        else:
            resolve_question(question, self._split, manifest.data.text_b)
        self._folder.require("index", "precompute")
