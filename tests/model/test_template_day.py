"""Chat templates that write the date: a row is the same tokens whenever it is asked about."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
import transformers.utils.chat_template_utils as of_transformers

from backend.data.conversation import Reading
from backend.model.chat_template import ChatTemplate
from backend.model.conversation_tokens import encode_conversation, prompt_ids
from backend.model.token_table import tokenizer_id
from backend.schema import upgraded
from tests.language_models import CHATML, MARKED, chat, lm_tokenizer
from tests.language_workspace import created

DATED = "\n{% if strftime_now is defined %}{{ 'Today: ' ~ strftime_now('%d %b %Y') }}\n{% endif %}" + CHATML
ROW = chat(("user", "Who?"), ("assistant", "Ada."))


@pytest.fixture
def tomorrow(monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Later:
            return cls(2099, 12, 31)

    monkeypatch.setattr(of_transformers, "datetime", Later)


def test_the_day_is_that_of_the_reading(tomorrow: None) -> None:
    text = ChatTemplate(lm_tokenizer(DATED), "2026-11-03").write(ROW.shown, None)
    assert text == ChatTemplate(lm_tokenizer(DATED)).write(ROW.shown, None).replace(
        "31 Dec 2099", "03 Nov 2026"
    )
    assert "Today: 03 Nov 2026" in text and text.startswith("\nToday")
    asked = lm_tokenizer().decode(prompt_ids(lm_tokenizer(DATED), ROW, "2026-11-03"))
    assert "Today: 03 Nov 2026" in asked and "Ada" not in asked


@pytest.mark.parametrize(
    "template", [DATED, MARKED.replace("{% for", "{{ strftime_now('%-d.%m.%y %H') }}{% for", 1)]
)
def test_tokens_do_not_move_with_the_clock(template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = Reading(day="2026-11-03")
    first = encode_conversation(lm_tokenizer(template), ROW, reading, 1000)

    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Later:
            return cls(2099, 12, 31, 23)

    monkeypatch.setattr(of_transformers, "datetime", Later)
    assert encode_conversation(lm_tokenizer(template), ROW, reading, 1000) == first
    other = encode_conversation(lm_tokenizer(template), ROW, Reading(day="2026-11-04"), 1000)
    assert other.input_ids != first.input_ids


@pytest.mark.parametrize(
    "code", ["%d %B %Y", "100 %%", "%%d", "%G-W%V", "%-d/%-m", "%H:%M%n%t|", "%x %c", "\\d"]
)
def test_codes_are_those_of_strftime(code: str) -> None:
    template = CHATML.replace("{% for", "{{ strftime_now(" + json.dumps(code) + ") }}{% for", 1)
    text = ChatTemplate(lm_tokenizer(template), "2026-11-03").write(ROW.shown, None)
    expected = datetime.datetime(2026, 11, 3).strftime(code)
    assert text.startswith(expected + "<|im_start|>")


def test_the_day_counts_among_the_rules_only_where_the_template_asks_it() -> None:
    days = [Reading(day="2026-11-03"), Reading(day="2026-11-04")]
    assert len({tokenizer_id(lm_tokenizer(DATED), each) for each in days}) == 2
    assert len({tokenizer_id(lm_tokenizer(), each) for each in days}) == 1


def test_a_workspace_keeps_the_day_on_which_it_began(tmp_path: Path) -> None:
    workspace = created(tmp_path)
    today = datetime.date.today()
    assert datetime.date.fromisoformat(workspace.manifest.task.day) in (today, today - datetime.timedelta(1))
    assert workspace.train_split.examples.reading == Reading("answers", workspace.manifest.task.day)


def test_an_older_workspace_takes_the_day_on_which_its_data_came_in(tmp_path: Path) -> None:
    workspace = created(tmp_path)
    content = json.loads((workspace.path / "workspace.json").read_text(encoding="utf-8"))
    del content["task"]["day"]
    day = content["artifacts"]["data"]["created"][:10]
    assert upgraded(content)["task"]["day"] == day
    (workspace.path / "workspace.json").write_text(json.dumps(content), encoding="utf-8")
    assert workspace.open(workspace.path).manifest.task.day == day
    del content["artifacts"]["data"]
    assert "day" not in upgraded(content)["task"]
