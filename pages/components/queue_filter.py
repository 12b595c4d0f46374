"""Which part of the queue is shown: what for, by which reason, of which class, decided or not; and how."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from backend.program import COMMAND
from backend.queue.queue import SERVES, STATES, QueueFilter
from backend.queue.queue_item import UNDECIDED
from backend.scores.registry import all_scores, scores_for
from backend.scores.score import LABEL
from backend.workspace import Workspace
from pages.components import keys
from pages.components.choice import choose, pick
from pages.components.conversation.shown_text import action_words, has_conversations
from pages.components.edit_target import is_one_class
from pages.components.focus_place import focus_on
from pages.components.score_values import read_current, table_of

SERVES_WORDS = {LABEL: "Wrong labels", "redundant": "Redundant", "hard": "Hard", "off-domain": "Off-domain"}
LIST, FOCUS, BLIND = "list", "focus", "blind"
VIEWS = {LIST: "List", FOCUS: "Focus", BLIND: "Blind"}


def serves_words(workspace: Workspace) -> dict[str, str]:
    """What the decisions are called that scores serve."""
    return {**SERVES_WORDS, LABEL: "Wrong answers"} if has_conversations(workspace) else SERVES_WORDS


def ask_view(workspace: Workspace) -> str:
    """A page of rows, or one row at a time, or that with its label hidden at first."""
    # In a container of its own for each view, the control is drawn anew and loses the browser's focus:
    # it would keep the arrow keys for itself.
    with st.container(key=f"view-{keys.get(keys.QUEUE_VIEW)}"):
        blind = is_one_class(workspace)
        return pick(
            "View",
            {name: title for name, title in VIEWS.items() if blind or name != BLIND},
            keys.QUEUE_VIEW,
            LIST,
            help="Focus shows one row at a time. Blind does so too, but hides label, suspicion, reasons and "
            "suggestion until you have said what you would call the row.",
            named=True,
        )


def ask_queue_filter(workspace: Workspace) -> QueueFilter | None:
    """Draw the choices; None, said in a line, where no score serves the purpose."""
    table, here = table_of(workspace, read_current(workspace)), scores_for(workspace.manifest.task.name)
    purposes = [each for each in SERVES if any(score.serves == each for score in here.values())]
    words = serves_words(workspace)
    serves_box, reason_box, class_box, state_box = st.columns([0.4, 0.25, 0.2, 0.15])
    with serves_box:
        serves = pick(
            "Looking for",
            {each: words.get(each, each) for each in purposes},
            keys.QUEUE_SERVES,
            LABEL,
            _first_page,
            help="Each has a queue of its own: what is wrong is not the same as what is redundant.",
            named=True,
        )
    known = [each for each in here.values() if each.serves == serves and each.is_reason]
    serving = [each.name for each in known if each.name in table.names]
    if not serving:
        st.info(f"No score for this has been computed: `{COMMAND} scores {workspace.path} --all`")
        return None
    with reason_box:
        reason = choose(
            "Reason",
            serving,
            keys.QUEUE_REASON,
            {n: all_scores()[n].title for n in serving},
            _first_page,
        )
    with class_box:
        label = None
        if workspace.manifest.classes:
            name = "Class" if is_one_class(workspace) else "Label"
            label = choose(name, workspace.manifest.classes, keys.QUEUE_LABEL, on_change=_first_page)
    decided = action_words(workspace)
    with state_box:
        st.selectbox(
            "Decision",
            STATES,
            format_func=lambda name: decided.get(name, name),
            key=keys.QUEUE_STATE,
            bind="query-params",
            on_change=_first_page,
        )
    state = keys.get(keys.QUEUE_STATE) or UNDECIDED
    held = Counter(workspace.train_split.labels)
    return QueueFilter(serves, reason, label if label is None or held[label] else None, None, state)


def _first_page() -> None:
    keys.put(keys.QUEUE_PAGE, 1)
    focus_on(None)
