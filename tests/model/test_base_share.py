"""What fine-tuning changed of an answer, held against losses taken from logits one row at a time."""

import json
import shutil

import pytest
import torch
from transformers import AutoModelForCausalLM

from backend.errors import InputError
from backend.influence.answers.about_answer import AboutAnswer
from backend.model.base_share import SURE, UNLIKELY, in_words, verdict_of
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.runs import train_run
from backend.model.training_settings import TrainingSettings
from backend.workspace import Workspace
from tests.language_workspace import created, trained

ANSWER = "Ada Morel was born in Lisbon."


@pytest.fixture(scope="module")
def full(tmp_path_factory) -> Workspace:
    return trained(tmp_path_factory.mktemp("full"), steps=60)


@pytest.fixture(scope="module")
def adapted(tmp_path_factory) -> Workspace:
    workspace = created(tmp_path_factory.mktemp("lora"))
    train_run(
        workspace.folder,
        TrainingSettings(
            epochs=20, lr=2e-2, batch_size=4, rank=4, max_length=64, precision="fp32", dynamics=False
        ),
    )
    return Workspace.open(workspace.path)


def token_losses(model, tokenizer, text: str, answer: str) -> list[tuple[int, int, float]]:
    """Characters of the answer and loss, of each of its tokens, from the rendered chat."""
    found = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
    ids = torch.tensor([found["input_ids"]])
    with torch.no_grad():
        logits = model(ids).logits[0].log_softmax(-1)
    shift = text.rindex(answer)
    return [
        (start - shift, end - shift, float(-logits[place - 1, ids[0, place]]))
        for place, (start, end) in enumerate(found["offset_mapping"])
        if start >= shift and end <= shift + len(answer)
    ]


def truth(workspace: Workspace, base, question: str, answer: str):
    """Per token: characters, loss under the base, loss under the last checkpoint."""
    last = workspace.folder.checkpoint_path(workspace.manifest.checkpoints[-1])
    tokenizer = load_tokenizer(last)
    text = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n{answer}<|im_end|>\n"
    both = [token_losses(model, tokenizer, text, answer) for model in (base, load_classifier(last))]
    return [(start, end, one, other) for (start, end, one), (*_, other) in zip(*both, strict=True)]


@pytest.mark.parametrize("name", ["full", "adapted"])
def test_losses_are_those_of_both_models(name, request):
    workspace: Workspace = request.getfixturevalue(name)
    folder = workspace.manifest.model.name
    base = AutoModelForCausalLM.from_pretrained(folder).eval()
    (whole,), named = workspace.base_share(row="e1")
    assert named == folder and whole.text == ANSWER
    expected = truth(workspace, base, "Birthplace of Ada Morel?", ANSWER)
    assert [(each.start, each.end) for each in whole.tokens] == [each[:2] for each in expected]
    for found, (*_, one, other) in zip(whole.tokens, expected, strict=True):
        assert (found.base, found.tuned) == pytest.approx((one, other), rel=1e-4, abs=1e-5)
    assert whole.base == pytest.approx(sum(each[2] for each in expected), rel=1e-4)
    assert whole.share == pytest.approx(1 - whole.tuned / whole.base) and whole.verdict == "taught"
    place = ANSWER.index("Lisbon")
    marked, _ = workspace.base_share(row="e1", about=AboutAnswer(marks=((place, place + 6), (0, 3))))
    inside = [each for each in expected if each[0] < place + 6 and each[1] > place]
    assert marked[0].text == "Lisbon" and len(marked[0].tokens) == len(inside)
    assert marked[0].base == pytest.approx(sum(each[2] for each in inside), rel=1e-4)
    assert marked[1].text == "Ada"


def test_a_typed_answer_that_the_rows_speak_against_is_not_taught(full):
    about = AboutAnswer(prompt="Where was Ben Ota born?", answer="Zebras xylophone quietly")
    (change,), _ = full.base_share(about=about)
    assert change.verdict in ("unlearnt", "neither") and change.says.startswith(("unlearnt", "neither"))


def test_a_run_that_changed_nothing_changed_nothing(full, tmp_path):
    copy = Workspace.open(shutil.copytree(full.path, tmp_path / "ws"))
    last = copy.folder.checkpoint_path(copy.manifest.checkpoints[-1])
    shutil.copyfile(f"{full.manifest.model.name}/model.safetensors", last / "model.safetensors")
    (change,), _ = copy.base_share(row="e1")
    assert change.base == change.tuned and change.share == 0 and change.verdict in ("own", "neither")


@pytest.mark.parametrize(
    ("base", "tuned", "tokens", "verdict"),
    [
        (20.0, 2.0, 5, "taught"),
        (20.0, 10.0, 5, "taught"),
        (20.0, 10.1, 5, "partly"),
        (2.1, 2.07, 5, "own"),
        (0.3, 0.01, 5, "own"),  # it was sure before
        (5.0, 8.0, 5, "unlearnt"),
        (0.1, 2.0, 5, "unlearnt"),
        (30.0, 30.5, 5, "neither"),
        (0.0, 0.0, 1, "own"),
    ],
)
def test_verdicts(base, tuned, tokens, verdict):
    assert verdict_of(base, tuned, tokens) == verdict
    assert in_words(2.1, 2.07, 5) == "mostly the base model's own: fine-tuning changed 0.03 of 2.10 nats"
    assert SURE < UNLIKELY


def test_what_is_not_known_is_said_in_one_line(full, adapted, tmp_path, tiny_workspace):
    with pytest.raises(InputError, match="of language models"):
        tiny_workspace.base_share(row="r1")
    with pytest.raises(InputError, match="say what to explain"):
        full.base_share()
    with pytest.raises(InputError, match="no such folder"):
        full.base_share(row="e1", base=str(tmp_path / "nowhere"))
    attached = Workspace.open(shutil.copytree(full.path, tmp_path / "attached"))
    attached.folder.record("checkpoints", ("data",), made_by="attach")
    with pytest.raises(InputError, match="name it with --base"):
        attached.base_share(row="e1")
    given, name = attached.base_share(row="e1", base=full.manifest.model.name)
    assert given == full.base_share(row="e1")[0] and name == full.manifest.model.name
    moved = Workspace.open(shutil.copytree(adapted.path, tmp_path / "moved"))
    config = moved.folder.checkpoint_path(moved.manifest.checkpoints[-1]) / "adapter_config.json"
    content = json.loads(config.read_text())
    config.write_text(json.dumps({**content, "base_model_name_or_path": "/nowhere/at/all"}))
    with pytest.raises(InputError, match="is not here; name it with --base"):
        moved.base_share(row="e1")
    waiting = created(tmp_path / "waiting")
    with pytest.raises(InputError, match="checkpoints missing"):
        waiting.base_share(row="e1")


def test_words_that_were_cut_off_are_named(tmp_path, full):
    workspace = Workspace.open(shutil.copytree(full.path, tmp_path / "ws"))
    workspace.folder.update(lambda manifest: manifest.model_copy(update={"max_length": 16}))
    with pytest.raises(InputError, match="reads no token there \\(only the first 16 tokens"):
        workspace.base_share(row="e1", about=AboutAnswer(marks=((22, 28),)))


def test_the_command(full, inside):
    shown = inside("taught", full.path, "--row", "e1", "--mark", "22:28", "--mark", "0:9").stdout
    assert "Lisbon" in shown and "Ada Morel" in shown and "nats" in shown
    content = json.loads(inside("taught", full.path, "--row", "e1", "--json").stdout)
    assert content["spans"][0]["verdict"] == "taught" and content["base"] == full.manifest.model.name
    typed = inside("taught", full.path, "--prompt", "Where was Ben Ota born?", "--answer", "Oslo").stdout
    assert "Oslo" in typed
    done = inside("taught", full.path, "--row", "nobody", check=False)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
