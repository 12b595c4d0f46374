"""What the models of a trial answer to the same prompts, side by side, and in which words they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import streamlit as st

from backend.trials.answer_table import ranked_answers
from backend.workspace import Workspace
from pages.components import keys
from pages.components.badges import badge
from pages.components.conversation.diff_view import differing
from pages.components.go_to import go_to, turn_to
from pages.components.markup import Html, join, plain_label, short, show, tag
from pages.components.numbers import percent, plural
from pages.components.paging import page_number, pages_of, turn_pages
from pages.components.retrain.trial_figures import SEEN

PAGE = 5
LONGEST = 3_000  # characters of a text
NO_ROOM = "the prompt leaves no room for an answer"


def show_answers(workspace: Workspace, report: dict[str, Any], key: str) -> None:
    """All prompts, one page at a time: those asked about first, then those whose answers moved most."""
    answers = ranked_answers(report)
    if not answers:
        return
    title, choice = st.columns([0.6, 0.4], vertical_alignment="bottom")
    with title:
        st.subheader("Answers side by side")
    with choice:
        st.toggle("Only where answers differ", key=keys.REPORT_ANSWERS, bind="query-params")
    st.caption(_about(report))
    if keys.get(keys.REPORT_ANSWERS):
        answers = [each for each in answers if differs(each, report)]
    if not answers:
        st.caption("Every model answers every prompt in the same words.")
        return
    place = f"answers-{key}"
    pages = pages_of(len(answers), PAGE)
    page = page_number(place, pages)
    pressed = False
    for number in range((page - 1) * PAGE, min(page * PAGE, len(answers))):
        with st.container(border=True, gap="small"):
            show(answer_card(answers[number], report))
            pressed |= _offer_row(workspace, answers[number], f"{place}-{number}")
    if pages > 1:
        turn_pages(place, pages)
    if pressed:
        turn_to("inspect")


def words_moved(report: dict[str, Any], main: str) -> list[Html]:
    """Of all words that were asked about how likely they are before and after, and in the control."""
    arms = dict.fromkeys((report["reference"], main, report.get("control")))
    return [
        _moved(query, [each for each in arms if each])
        for query in report.get("queries", [])
        if "loss" in query
    ]


def _moved(query: dict[str, Any], arms: Sequence[str]) -> Html:
    said = [
        f"{short(arm, 40)} {_likely(query['probability'][arm]['mean'], query['loss'][arm]['mean'])}"
        for arm in arms
        if arm in query["probability"]
    ]
    words = tag("b", f"“{short(query['label'], 120)}”", dir="auto")
    after = [" after ", tag("span", f"“{short(query['text'], 160)}”", dir="auto")] if query["text"] else []
    return tag("p", "Probability of ", words, *after, f": {', '.join(said)}.", cls="fw-moved")


def _likely(probability: float, loss: float) -> str:
    """0.433; of what is hardly likely, as long answers are, its loss tells more."""
    return f"{probability:.3f}" if probability >= SEEN else f"{probability:.2g} ({loss:.1f} nats)"


def _about(report: dict[str, Any]) -> str:
    judged, reference = report.get("answers_judged", 0), plain_label(report["reference"])
    said = f"Answered greedily. Words that differ from *{reference}* are marked."
    if judged:
        said += f" Exact match and chrF are of {plural(judged, 'eval row')}, whose own answers are expected."
    return said


def differs(answer: dict[str, Any], report: dict[str, Any]) -> bool:
    """Whether any model, with any seed, answers in other words than another."""
    return len({text for arm in report["arms"] for text in answer["written"].get(arm["name"], ())}) > 1


def answer_card(answer: dict[str, Any], report: dict[str, Any]) -> Html:
    """The prompt, the answer that is expected, and what every arm writes."""
    reference = _usual(answer["written"].get(report["reference"], ()))
    cells = [_cell(arm["name"], answer, report, reference) for arm in report["arms"]]
    asked = badge("asked") if answer["expected"] is None else badge(short(str(answer["id"]), 60))
    head = tag("div", asked, tag("span", short(answer["prompt"], 600), dir="auto"), cls="fw-head fw-text")
    parts = [head]
    if answer["expected"] is not None:
        parts.append(
            tag(
                "p",
                tag("span", "expected ", cls="fw-muted"),
                short(answer["expected"], LONGEST),
                cls="fw-text",
                dir="auto",
            )
        )
    return join([*parts, tag("div", *cells, cls="fw-beside")])


def _cell(arm: str, answer: dict[str, Any], report: dict[str, Any], reference: str | None) -> Html:
    written = answer["written"].get(arm, ())
    counts = Counter(written)
    texts = [
        _text(text, reference, arm == report["reference"], (count, len(written)) if len(counts) > 1 else None)
        for text, count in counts.most_common()
    ]
    head = tag("div", tag("b", short(arm, 60)), _marks(answer, arm), cls="fw-head")
    return tag(
        "div", head, *texts, cls="fw-answer", tabindex="0", role="region", aria_label=f"answer of {arm}"
    )


def _marks(answer: dict[str, Any], arm: str) -> Html:
    """How near the answer is to the expected one."""
    chrf, exact = (answer.get(name, {}).get(arm) for name in ("chrf", "exact"))
    if chrf is None:
        return join([])
    if exact == 1:
        return badge("exact", "good", "word for word the expected answer")
    return badge(
        f"chrF {percent(chrf)}", "plain", "characters in common with the expected answer, mean of seeds"
    )


def _text(text: str | None, reference: str | None, is_reference: bool, count: tuple[int, int] | None) -> Html:
    """One answer; ``count``: how many of the seeds gave it, where they differ."""
    if text is None:
        made = tag("p", NO_ROOM, cls="fw-muted")
    elif not text.strip():
        made = tag("p", "(nothing)", cls="fw-muted")
    elif is_reference or reference is None or text == reference:
        made = tag("p", short(text, LONGEST), cls="fw-text", dir="auto")
    else:
        made = differing(short(reference, LONGEST), short(text, LONGEST))
    if count is None:
        return made
    return join([tag("p", f"{count[0]} of {count[1]} seeds", cls="fw-caption"), made])


def _usual(texts: Sequence[str | None]) -> str | None:
    """What most seeds answer."""
    return Counter(texts).most_common(1)[0][0] if texts else None


def _offer_row(workspace: Workspace, answer: dict[str, Any], key: str) -> bool:
    """The way to Inspect, where it is an eval row that is still there; whether it was taken."""
    row = answer["id"]
    if row is None or not workspace.eval_split.has(row):
        return False
    return st.button(
        "Inspect",
        key=f"inspect-{key}",
        type="tertiary",
        icon=":material/search:",
        help=f"Why the model answers {plain_label(row)} as it does",
        on_click=go_to,
        args=("eval", row),
    )
