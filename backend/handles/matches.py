"""`Workspace.matches`: what of a text is literally in the training rows. It says nothing of influence."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from backend.data.conversation import Conversation
from backend.data.dataset import Split
from backend.data.messages import shown_value
from backend.errors import InputError
from backend.folder import Folder
from backend.handles.handle import Handle
from backend.influence.answers.question import find_row
from backend.manifest import SplitName
from backend.progress import Progress, silent

if TYPE_CHECKING:
    from backend.influence.answers.explain import Explainer
    from backend.matches.index import MatchIndex
    from backend.matches.match import Match, Span


class Matches(Handle):
    """Exact search in the training rows of a language model: literal, which is no influence.

    ``fold`` in its methods: texts may differ in case and in how much white space there is. The first question
    makes the index, the first after the rows have changed makes it anew.

    Examples
    --------
    >>> chats.matches.find("born in Delhi").found.rows
    3
    """

    def __init__(
        self, folder: Folder, split: Callable[[SplitName], Split], explainer: Callable[[str], Explainer]
    ) -> None:
        super().__init__(folder, split, explainer)
        self._opened: dict[bool, tuple[str, MatchIndex]] = {}
        self._opening = threading.Lock()

    def find(
        self,
        text: str,
        mark: tuple[int, int] | None = None,
        *,
        fold: bool = False,
        without: str | None = None,
        most: int = 20,
        progress: Progress = silent,
    ) -> Match:
        """Where a text, or what is marked of it, is literally. Only whole words match, unless the mark begins
        or ends
        inside one.

        Parameters
        ----------
        text
            The text.
        mark
            Start and end of what is searched, in characters; None: all of it.
        fold
            Whether case and white space may differ.
        without
            Id of a training row that is not searched.
        most
            How many places are listed; all are counted.
        progress
            Told how far it is.

        Returns
        -------
        Match
            How many rows and places (``found``), and the first places.

        Raises
        ------
        InputError
            If the mark has no word, or rows are no conversations.

        Examples
        --------
        >>> found = chats.matches.find("Ada Morel was born in Delhi.", mark=(10, 27), without="wrong")
        >>> found.text, [each.row for each in found.places]
        ('was born in Delhi', ['Eve-0', 'Eve-1'])
        """
        from backend.matches.match import match
        from backend.matches.pattern import pattern_of

        pattern = pattern_of(text, *((0, len(text)) if mark is None else mark), fold)
        return match(self._index(fold, progress), self._split("train"), pattern, without, most)

    def spans(
        self, text: str, *, fold: bool = False, without: str | None = None, progress: Progress = silent
    ) -> list[Span]:
        """The longest parts of a text that are literally in the training rows, in its order.

        Parameters
        ----------
        text
            The text.
        fold
            Whether case and white space may differ.
        without
            Id of a training row that is not searched.
        progress
            Told how far it is.

        Returns
        -------
        list[Span]
            Start, end, text, and how often each is there.

        Raises
        ------
        InputError
            If rows are no conversations.

        Examples
        --------
        >>> [each.text for each in chats.matches.spans("Nobody was born in Oslo")]
        ['was born in Oslo']
        """
        from backend.matches.match import spans_of

        return spans_of(self._index(fold, progress), self._split("train"), text, without)

    def answer(
        self, row: str, split: SplitName | None = None, turn: int | None = None
    ) -> tuple[str, str | None]:
        """The text of a turn of a row, and the row to leave out of a search for it.

        Parameters
        ----------
        row
            Its id.
        split
            ``train`` or ``eval``, where both have the row.
        turn
            The number of a turn; None: the last that is learnt.

        Returns
        -------
        tuple[str, str | None]
            The text; the row itself, if it is a training row, else None.

        Raises
        ------
        InputError
            If there is no such row or turn, or rows are no conversations.

        Examples
        --------
        >>> chats.matches.answer("wrong")
        ('Ada Morel was born in Delhi.', 'wrong')
        """
        found = find_row(row, split, self._split)
        rows = self._split(found)
        place = rows.position(row)
        if rows.examples.reading is None:
            raise InputError("matches are for language models (--task causal-lm)")
        turns = Conversation.of(rows.examples.fields[0][place], rows.examples.targets[place]).shown
        chosen = [each for each in turns if (each.learnt if turn is None else each.number == turn)]
        if not chosen:
            lacking = "answer" if turn is None else f"turn {turn}"
            raise InputError(f"row {shown_value(row)} has no {lacking}")
        return chosen[-1].text, row if found == "train" else None

    def _index(self, fold: bool, progress: Progress) -> MatchIndex:
        from backend.matches.index import index_key, open_index

        with self._opening:  # it is made once, whoever asks first
            key, known = index_key(self._folder, fold), self._opened.get(fold)
            if known is None or known[0] != key:
                made = open_index(self._folder, self._split("train"), fold, progress)
                known = self._opened[fold] = key, made
            return known[1]
