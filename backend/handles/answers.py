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
    """Single questions, about a text, a row or an answer."""

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

        Args: text, text_b: what to explain; or ``row``: a row's id (``split`` where both splits have
        it). label: the class whose loss is traced; default: the predicted class ("why this?"). k: how
        many proponents and opponents. method: a name of `backend.influence.answers.registry`; score: one
        of its scores, default its first. damping: of the scores that have one; default: the score's own.
        exact: scan everything, and make the gradients of the best anew in fp32. about: what is asked of a
        language model, beside ``row`` or in its place.
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

        ``told`` gets the text as it grows; with False it ends the writing.
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
        """What training row ``train`` has to do with a text or row (as in `explain`), wherever it ranks."""
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
        """How much of an answer's loss fine-tuning changed, mark by mark, and the model that it began with.

        What is asked about as in `explain`: a row's answer, or what ``about`` says. ``base``: that model,
        where the run does not say it (see `backend.model.base_share.base_name`).
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
        """`InputError` if a question makes no sense or there is no index to answer it; loads no model."""
        from backend.influence.answers.question import check_question, look_up, resolve_question
        from backend.tasks.heads import CAUSAL_LM

        manifest = self._folder.manifest()
        check_question(question, manifest.task)
        if manifest.task.name == CAUSAL_LM:
            look_up(question, self._split, manifest.data)
        else:
            resolve_question(question, self._split, manifest.data.text_b)
        self._folder.require("index", "precompute")
