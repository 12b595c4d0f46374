"""Influence or mere similarity? The neighbours of a training example, and whom else it helps or harms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import streamlit as st

from backend.influence.answers.explanation import Pair
from backend.workspace import Workspace
from pages.components.conversation.shown_text import has_conversations, shown_text
from pages.components.embedding_job import offer_embeddings
from pages.components.job_panel import job_panel
from pages.components.markup import Html, brief, join, short, show, tag
from pages.components.numbers import plural
from pages.components.pair.pair_question import AskedPair, pair_address
from pages.components.tables import table
from pages.components.workspaces import Asked, opened, version

if TYPE_CHECKING:  # imports torch
    from backend.model.neighbours import Neighbour

NEIGHBOURS = 8
OTHERS = 8
SHOWN_TEXT = 160


@dataclass(frozen=True)
class Other:
    """An eval row among whose strongest training examples this one is."""

    row: str
    kind: str
    rank: int
    label: str
    predicted: str


def show_company(workspace: Workspace, pair: Pair, asked: AskedPair) -> None:
    """Both lists side by side."""
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Similar training rows")
        _neighbours(workspace, pair)
    with right:
        st.subheader("Other eval rows")
        _others(workspace, pair, asked.asked)


def _neighbours(workspace: Workspace, pair: Pair) -> None:
    split = pair.query.split
    if not workspace.has_embeddings("train"):
        st.caption("A control: what would mere similarity have found? It needs sentence embeddings.")
        offer_embeddings(workspace, "train")
        return
    key = (str(workspace.path), version(workspace))
    found = _nearest(*key, pair.entry.id)
    train = workspace.train_split
    if pair.query.row and split:
        if workspace.has_embeddings(split):  # type: ignore[arg-type]
            line = _control(_similarity(*key, pair.entry.id, pair.query.row, split))
            show(tag("p", line, cls="fw-muted"))
        else:
            st.caption("How similar are these two? That needs the embeddings of the eval rows, too.")
            offer_embeddings(workspace, "eval")
    is_text = has_conversations(train)
    if not is_text:
        same = sum(train.labels[each.position] == pair.entry.label for each in found)
        st.caption(
            f"{same} of its {plural(len(found), 'nearest neighbour')} by sentence embedding share its label."
        )
    rows = [
        (
            f"{each.similarity:.2f}",
            *(() if is_text else (brief(train.labels[each.position], 36),)),
            _text(short(shown_text(train, each.position), SHOWN_TEXT), train.ids[each.position]),
        )
        for each in found
    ]
    show(table(("cosine", *(() if is_text else ("label",)), "text"), rows, numbers=(0,)))


def _control(found: Neighbour | None) -> str:
    if found is None:
        return ""
    near = found.rank <= 10
    verdict = (
        "similarity alone would have found it, too."
        if near
        else "similarity alone would hardly have found it; it ranks here for what the model learned from it."
    )
    return (
        f"By mere similarity, this example is number {found.rank:,} for the explained text "
        f"(cosine {found.similarity:.2f}): {verdict}"
    )


def _others(workspace: Workspace, pair: Pair, asked: Asked) -> None:
    if workspace.folder.state("influence") != "current":
        st.caption(
            "Which other eval rows does this example help or harm? That needs the influence of all "
            "training rows on all eval rows."
        )
        job_panel(["influence", str(workspace.path)], "Compute influence on all eval rows")
        return
    found = [
        each
        for each in _helped_and_harmed(str(workspace.path), version(workspace), pair.entry.id)
        if not (pair.query.split == "eval" and each.row == pair.query.row)
    ]
    if not found:
        st.caption("It is among the strongest training examples of no other eval row.")
        return
    harmed = sum(each.kind == "opponent" for each in found)
    st.caption(
        f"Among the strongest training examples of {plural(len(found), 'other eval row')}: it helps "
        f"{len(found) - harmed:,} and harms {harmed:,}."
    )
    for each in found[:OTHERS]:
        with st.container(border=True, gap="xxsmall"):
            show(_other(workspace, each))
            st.page_link(
                "pages/pair.py",
                label="Show this pair",
                icon=":material/compare_arrows:",
                query_params=pair_address(
                    workspace,
                    replace(asked, text=None, text_b=None, row=each.row, split="eval", label=each.label),
                    pair.entry.id,
                ),
            )
    if len(found) > OTHERS:
        st.caption(f"{len(found) - OTHERS:,} more are not shown.")


def _other(workspace: Workspace, other: Other) -> Html:
    rows = workspace.eval_split
    verb = "helps" if other.kind == "proponent" else "harms"
    said = "" if other.predicted == other.label else f", predicted {brief(other.predicted, 36)}"
    line = f"{verb}, rank {other.rank} for “{brief(other.label, 36)}”{said}"
    text = shown_text(rows, rows.position(other.row))
    return tag("div", tag("div", line, cls="fw-muted"), _text(short(text, SHOWN_TEXT), other.row))


def _text(text: str, row: str) -> Html:
    return join((tag("span", text, dir="auto"), " ", tag("span", short(row), cls="fw-mono")))


@st.cache_data(max_entries=50, show_spinner="Looking for neighbours …")
def _nearest(path: str, artifacts: str, row: str) -> list[Neighbour]:
    return opened(Path(path)).neighbours(row, NEIGHBOURS)


@st.cache_data(max_entries=50, show_spinner=False)
def _similarity(path: str, artifacts: str, train: str, row: str, split: str) -> Neighbour | None:
    return opened(Path(path)).similarity(train, row, split=split)  # type: ignore[arg-type]


@st.cache_data(max_entries=50, show_spinner=False)
def _helped_and_harmed(path: str, artifacts: str, row: str) -> list[Other]:
    """Misclassified rows first, then by rank."""
    top = opened(Path(path)).influence().top
    found = top.filter(pc.equal(top["train_id"], row)).to_pylist()
    others = [
        Other(each["query_id"], each["kind"], each["rank"], each["explained"], each["predicted"])
        for each in found
    ]
    return sorted(others, key=lambda each: (each.predicted == each.label, each.rank, each.row))
