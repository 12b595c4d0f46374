"""The options of `init` and `build` that name rows for language models."""

import pytest

from backend.commands.columns import Turns, columns_of, default_model
from backend.errors import InputError


def asked(task: str = "causal-lm", text=None, label=None, labels=None, merge=False, names=None, **turns):
    return columns_of(task, text, label, labels, merge=merge, names=names, turns=Turns(**turns), id="id")


def test_what_each_form_reads_and_learns():
    text, pair = asked(text="a"), asked(prompt="a", completion="b", system="s", tools="t")
    messages = asked(messages="m", loss="all")
    assert (text.form, text.text, text.label, text.loss) == ("text", "a", "a", "answers")
    assert (pair.form, pair.text, pair.label, pair.system, pair.tools) == ("pair", "a", "b", "s", "t")
    assert (messages.form, messages.text, messages.label, messages.loss) == ("messages", "m", "m", "all")
    assert pair.contents == ("a", "b", "s", "t") and pair.named == (*pair.contents, "id")
    assert asked(text="a", loss="all").loss == "answers"  # all that is there is learnt
    assert asked(prompt="a", completion="b", loss="completion").loss == "answers"
    assert asked("classification", "a", "b").form == ""
    assert (default_model("causal-lm"), default_model("regression")) == ("smollm2", "minilm")


@pytest.mark.parametrize(
    ("said", "options"),
    [
        ("name the columns of a row", {}),
        ("name the columns of a row", {"text": "a", "messages": "b"}),
        ("--completion: missing", {"prompt": "a"}),
        ("--prompt: missing", {"completion": "a"}),
        ("--label: not for", {"messages": "a", "label": "b"}),
        ("--labels: not for", {"messages": "a", "labels": "b"}),
        ("--names: for --task classification only", {"messages": "a", "names": "0=a"}),
        ("--loss completion: must be all or assistant", {"messages": "a", "loss": "completion"}),
        ("--loss assistant: must be all here", {"text": "a", "loss": "assistant"}),
        ("--system: for --messages", {"text": "a", "system": "b"}),
        ("--messages: for --task causal-lm only", {"task": "classification", "text": "a", "messages": "b"}),
        ("--loss: for --task causal-lm only", {"task": "regression", "text": "a", "loss": "all"}),
        ("--text: missing", {"task": "classification", "label": "a"}),
    ],
)
def test_options_that_do_not_fit(said, options):
    with pytest.raises(InputError, match=said):
        asked(**options)


def test_a_column_is_used_for_one_thing():
    with pytest.raises(InputError, match="'a' is named twice"):
        asked(messages="a", system="a").check()
    with pytest.raises(InputError, match="'a' is named twice"):
        asked(prompt="a", completion="a").check()
