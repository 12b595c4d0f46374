"""Runs of PEFT: adapters are loaded on their base as PEFT does it, kept by the workspace, and explained."""

import json
import shutil
from pathlib import Path

import numpy as np
import peft
import pytest
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

from backend.data.examples import Examples
from backend.errors import InputError
from backend.influence.gradients.parameters import trained_parameters
from backend.model.checkpoints import find_run
from backend.model.loading import embedding_layer, load_classifier, load_tokenizer
from backend.model.prediction import logits
from backend.model.recorded_limits import FROZEN
from backend.model.tokenization import encode
from backend.trials.original import original_run
from backend.workspace import Workspace
from tests.adapter_runs import CLASSES, KINDS, TRAINS_EMBEDDINGS, adapter_run, lora
from tests.conftest import tiny_rows, without_model

TEXTS = [row["text"] for row in tiny_rows(8)]


@pytest.fixture(scope="module")
def base(tiny_model) -> Path:
    return tiny_model("bert")


@pytest.fixture(scope="module")
def plain(base, tmp_path_factory) -> Path:
    """A run of LoRA; read only."""
    return adapter_run(base, tmp_path_factory.mktemp("lora") / "run", lora())


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return without_model(tmp_path, 60)


def by_peft(checkpoint: Path, base: Path, rows: int | None = None) -> torch.Tensor:
    """Logits of `TEXTS` as somebody computes them who knows only PEFT, one text at a time."""
    tokenizer = hf.AutoTokenizer.from_pretrained(checkpoint)
    model = hf.AutoModelForSequenceClassification.from_pretrained(base, num_labels=len(CLASSES))
    if rows:
        model.resize_token_embeddings(rows)
    whole = peft.PeftModel.from_pretrained(model, checkpoint).eval()
    with torch.no_grad():
        return torch.cat([whole(**tokenizer(each, return_tensors="pt")).logits for each in TEXTS])


def here(workspace: Workspace, number: int) -> np.ndarray:
    path = workspace.folder.checkpoint_path(workspace.manifest.checkpoints[number])
    tokenizer = load_tokenizer(workspace.folder.tokenizer_path(workspace.manifest))
    return logits(load_classifier(path), encode(tokenizer, Examples.of(TEXTS), 64), tokenizer)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_loaded_as_peft_loads_it(kind, base, workspace, tmp_path):
    run = adapter_run(base, tmp_path / "run", KINDS[kind]())
    notes = workspace.attach(run, base=str(base))  # the trial pass holds gradients to the dense definition
    for number, each in enumerate(workspace.manifest.checkpoints):
        expected = by_peft(run / f"checkpoint-{each.step}", base)
        assert np.allclose(here(workspace, number), expected, atol=1e-5)
    trained = kind in TRAINS_EMBEDDINGS
    assert workspace.manifest.artifacts["checkpoints"].details[FROZEN] is not trained
    assert any("were not trained" in each for each in notes) is not trained
    assert [each.step for each in workspace.manifest.checkpoints] == [8, 16, 24]


def test_an_attached_run_of_adapters_is_explained(plain, base, workspace):
    workspace.attach(plain, base=str(base))
    workspace.precompute()
    row = workspace.train_split.ids[3]
    found = workspace.explain(row=row, split="train", label="good", k=5, exact=True, score="dot")
    assert any("frozen" in each for each in found.notes)
    # The dense definition, by PEFT's own loading.
    tokenizer = hf.AutoTokenizer.from_pretrained(plain / "checkpoint-24")
    split, names = workspace.train_split, workspace.manifest.task.classes
    expected = np.zeros(len(split))
    for each in workspace.manifest.checkpoints:
        model = hf.AutoModelForSequenceClassification.from_pretrained(base, num_labels=2)
        model = peft.PeftModel.from_pretrained(model, plain / f"checkpoint-{each.step}").eval()
        table = model.get_input_embeddings().weight.requires_grad_(True)

        def gradient(text, label, model=model, table=table):
            inputs = tokenizer(
                text, truncation=True, max_length=workspace.manifest.max_length, return_tensors="pt"
            )
            loss = torch.nn.functional.cross_entropy(model(**inputs).logits, torch.tensor([label]))
            return torch.autograd.grad(loss, table)[0]

        asked = gradient(split.texts[3], names.index("good"))
        for number, (text, label) in enumerate(zip(split.texts, split.labels, strict=True)):
            expected[number] += each.weight * float((gradient(text, names.index(label)) * asked).sum())
    for entry in [*found.proponents, *found.opponents]:
        assert entry.score == pytest.approx(expected[split.position(entry.id)], rel=1e-4)


def test_a_base_that_was_moved(plain, base, workspace, tmp_path):
    run = Path(shutil.copytree(plain, tmp_path / "run"))
    for each in run.glob("checkpoint-*/adapter_config.json"):
        said = json.loads(each.read_text())
        assert said["base_model_name_or_path"] == str(base)
        each.write_text(json.dumps({**said, "base_model_name_or_path": "/gone/bert"}))
    with pytest.raises(
        InputError, match=r"checkpoint-24: holds an adapter, .* '/gone/bert' is not here; name it with --base"
    ):
        workspace.attach(run)
    assert not list(workspace.path.glob("adapters/*"))
    workspace.attach(run, base=str(base))
    workspace.attach(run, base=str(base), count=2)  # again, with others
    assert {each.parent.name for each in (workspace.path / "adapters").glob("*/*/adapter_config.json")} == {
        f"checkpoint-{each.step}" for each in workspace.manifest.checkpoints
    }
    shutil.rmtree(run)  # the workspace has its own
    assert np.allclose(here(workspace, -1), by_peft(plain / "checkpoint-24", base), atol=1e-5)


def test_a_workspace_of_adapters_may_be_moved(plain, workspace, tmp_path):
    workspace.attach(plain)
    workspace.precompute()
    before = workspace.explain(text=TEXTS[0]).proponents
    moved = Workspace.open(shutil.move(workspace.path, tmp_path / "elsewhere"))
    assert moved.explain(text=TEXTS[0]).proponents == before


def test_a_base_that_changed_is_noticed(plain, base, workspace, tmp_path):
    own = Path(shutil.copytree(base, tmp_path / "base"))
    workspace.attach(plain, base=str(own))
    tensors = load_file(own / "model.safetensors")
    name = next(name for name in tensors if "query.weight" in name)
    tensors[name] += 1
    save_file(tensors, own / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"the model that it belongs to, .*base, changed or is missing"):
        workspace.precompute()


def test_tokens_that_were_added(base, workspace, tmp_path):
    run = adapter_run(base, tmp_path / "run", lora(), more_tokens=3)
    workspace.attach(run)
    rows = len(load_tokenizer(run / "checkpoint-24"))
    path = workspace.folder.checkpoint_path(workspace.manifest.checkpoints[-1])
    assert embedding_layer(load_classifier(path)).num_embeddings == rows
    assert np.allclose(here(workspace, -1), by_peft(run / "checkpoint-24", base, rows), atol=1e-5)
    assert workspace.manifest.artifacts["checkpoints"].details[FROZEN]


def test_merged_adapters_are_a_whole_model_with_frozen_embeddings(plain, base, workspace, tmp_path):
    for each in sorted(plain.glob("checkpoint-*")):
        target = tmp_path / "merged" / each.name
        model = hf.AutoModelForSequenceClassification.from_pretrained(base, num_labels=2)
        peft.PeftModel.from_pretrained(model, each).merge_and_unload().save_pretrained(target)
        hf.AutoTokenizer.from_pretrained(each).save_pretrained(target)
        shutil.copy(each / "trainer_state.json", target)
    notes = workspace.attach(tmp_path / "merged")
    assert any("same at steps 8 and 24: they were not trained" in each for each in notes)
    assert not (workspace.path / "adapters").exists()
    with pytest.raises(InputError, match=r"--base .*: .* holds a whole model, no adapter"):
        workspace.attach(tmp_path / "merged", base=str(base))


def test_checkpoints_share_what_is_the_same_in_all(plain, workspace):
    workspace.attach(plain)
    workspace.precompute()
    first, *others = workspace.explainer().checkpoints.models
    own = {name: each.data_ptr() for name, each in first.named_parameters()}
    for other in others:
        apart = {name for name, each in other.named_parameters() if each.data_ptr() != own[name]}
        assert apart and all("lora" in name or name.startswith("classifier") for name in apart)


def damaged(run: Path, tmp_path: Path, change) -> Path:
    copy = Path(shutil.copytree(run, tmp_path / "damaged"))
    for each in copy.glob("checkpoint-*"):
        change(each)
    return copy


def with_tensors(change):
    def rewrite(folder: Path) -> None:
        tensors = load_file(folder / "adapter_model.safetensors")
        change(tensors)
        save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})

    return rewrite


def first(tensors: dict, part: str) -> str:
    return next(name for name in tensors if part in name)


def renamed(tensors: dict) -> None:
    name = first(tensors, "lora_A")
    tensors[name.replace("layer.0", "layer.7")] = tensors.pop(name)


def as_pickle(folder: Path) -> None:
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")


def with_config(**values):
    def rewrite(folder: Path) -> None:
        path = folder / "adapter_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return rewrite


def as_kind(kind: str):
    return with_config(peft_type=kind)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_tensors(renamed), "layer.7.*has no place in"),
        (
            with_tensors(lambda all: all.pop(first(all, "lora_B"))),
            "its adapter lacks",
        ),
        (
            with_tensors(lambda all: all.pop(first(all, "classifier.w"))),
            "classifier",
        ),
        (lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"no"), "is damaged"),
        (
            lambda folder: (folder / "adapter_model.safetensors").unlink(),
            "it has no adapter_model.safetensors",
        ),
        (as_pickle, "its adapter is a pickle"),
        (as_kind("PROMPT_TUNING"), "it puts learnt positions before the text"),
        (as_kind("NOVEL"), "does not fit"),
        (lambda folder: (folder / "adapter_config.json").write_text("[]"), "adapter_config.json is damaged"),
    ],
)
def test_what_is_no_adapter_of_its_base_is_refused_in_a_line(change, said, plain, workspace, tmp_path):
    with pytest.raises(InputError, match=said) as caught:
        workspace.attach(damaged(plain, tmp_path, change))
    assert len(str(caught.value).splitlines()) == 1
    assert not list(workspace.path.glob("adapters/*"))
    assert "checkpoints" not in workspace.manifest.artifacts
    assert str(workspace.path) not in str(caught.value)  # it names the user's folders


def test_another_model_as_base_is_refused(plain, tiny_model, workspace):
    with pytest.raises(InputError, match=r"does not fit|has no place"):
        workspace.attach(plain, base=str(tiny_model("distilbert")))
    with pytest.raises(InputError, match="an adapter itself"):
        workspace.attach(plain, base=str(plain / "checkpoint-8"))


def test_an_adapter_is_no_model_to_train(plain):
    with pytest.raises(InputError, match="holds only an adapter; merge it"):
        load_classifier(plain / "checkpoint-8", task=Workspace)


def test_a_trial_of_adapters_starts_from_their_base_and_says_what_it_trains(plain, base, workspace):
    workspace.attach(plain)
    original = original_run(workspace.folder)
    assert original.model.name == str(base)
    assert any("here all weights are trained" in each for each in original.notes)
    assert any("were not trained" in each for each in workspace.status()["limits"])


def test_a_model_of_three_classes_on_a_base_that_knows_two(base, tmp_path):
    """The head in the adapter says how many there are; the base's own does not fit and is left."""
    run = adapter_run(base, tmp_path / "run", lora(), classes=("bad", "good", "fair"))
    found = find_run(run)
    assert (found.num_labels, found.classes, found.base) == (3, None, str(base))


@pytest.mark.parametrize("kind", KINDS)
def test_one_adapter_alone_says_what_it_trained(kind, base, workspace, tmp_path):
    """What was trained is read from the adapter itself: no other checkpoint is needed."""
    run = adapter_run(base, tmp_path / "run", KINDS[kind]())
    workspace.attach(run / "checkpoint-24")
    trained = kind in TRAINS_EMBEDDINGS
    assert workspace.manifest.artifacts["checkpoints"].details.get(FROZEN) == (None if trained else True) or (
        kind == "embeddings whole" and workspace.manifest.artifacts["checkpoints"].details[FROZEN] is False
    )
    assert any(
        "leaves the word embeddings as they were" in each for each in workspace.status()["limits"]
    ) is (not trained)


def test_method_trained_follows_a_single_adapter_only(plain, workspace):
    workspace.attach(plain / "checkpoint-24")
    workspace.precompute()
    model = workspace.explainer().checkpoints.models[-1]
    assert all("lora" in name or name.startswith("classifier") for name in trained_parameters([model]))
    assert any("frozen" in each for each in workspace.explain(text=TEXTS[0]).notes)


def test_method_trained_is_refused_where_adapted_embeddings_are_merged(base, workspace, tmp_path):
    workspace.attach(adapter_run(base, tmp_path / "run", KINDS["with embeddings"]()))
    workspace.precompute()
    with pytest.raises(InputError, match="--method trained: the run adapted its word embeddings"):
        workspace.explain(text=TEXTS[0], method="trained")


def test_a_merged_model_with_its_adapter_beside_it_is_refused(plain, base, workspace, tmp_path):
    """transformers would apply the adapter once more, without a word."""
    copy = Path(shutil.copytree(plain, tmp_path / "merged"))
    for each in copy.glob("checkpoint-*"):
        model = hf.AutoModelForSequenceClassification.from_pretrained(base, num_labels=2)
        peft.PeftModel.from_pretrained(model, each).merge_and_unload().save_pretrained(each)
    with pytest.raises(InputError, match="transformers would apply that adapter once more; move"):
        workspace.attach(copy)
    with pytest.raises(InputError, match="would apply that adapter once more"):
        load_classifier(copy / "checkpoint-24")
    beside = Path(shutil.copytree(base, tmp_path / "base"))
    shutil.copy(plain / "checkpoint-8" / "adapter_config.json", beside)
    with pytest.raises(InputError, match="the base of an adapter, but it holds a whole model and"):
        workspace.attach(plain, base=str(beside))
    for each in copy.glob("*/adapter_config.json"):
        each.unlink()
    workspace.attach(copy)
    assert np.allclose(here(workspace, -1), by_peft(plain / "checkpoint-24", base), atol=1e-5)


def hub(cache: Path, name: str, model: Path, commit: str) -> None:
    """A model in the hub's cache, as `snapshot_download` lays it; ``main`` is this commit now."""
    home = cache / f"models--{name.replace('/', '--')}"
    shutil.copytree(model, home / "snapshots" / commit)
    (home / "refs").mkdir(exist_ok=True)
    (home / "refs" / "main").write_text(commit)


def test_a_base_of_the_hub_is_that_of_a_commit(plain, base, workspace, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    first, other = "a" * 40, "b" * 40
    hub(tmp_path / "cache", "team/bert", base, first)
    workspace.attach(plain, base="team/bert")
    before = here(workspace, -1)
    assert workspace.manifest.artifacts["checkpoints"].details["base"].endswith(first)
    changed = tmp_path / "changed"
    shutil.copytree(base, changed)
    tensors = load_file(changed / "model.safetensors")
    save_file(
        {name: each * 1.5 for name, each in tensors.items()}, changed / "model.safetensors", {"format": "pt"}
    )
    hub(tmp_path / "cache", "team/bert", changed, other)
    assert np.array_equal(here(workspace, -1), before)
    workspace.attach(plain, base="team/bert")  # now it is the other one, and all that was computed is stale
    assert workspace.manifest.artifacts["checkpoints"].details["base"].endswith(other)
    assert not np.allclose(here(workspace, -1), before)
    run = Path(shutil.copytree(plain, tmp_path / "pinned"))
    for each in run.glob("*/adapter_config.json"):
        said = json.loads(each.read_text()) | {"base_model_name_or_path": "team/bert", "revision": first}
        each.write_text(json.dumps(said))
    (tmp_path / "again").mkdir()
    again = without_model(tmp_path / "again", 60)
    again.attach(run)
    assert again.manifest.artifacts["checkpoints"].details["base"].endswith(first)


def test_a_base_is_where_it_is_from_everywhere(plain, base, workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(base.parent)
    workspace.attach(plain, base=base.name)
    monkeypatch.chdir(tmp_path)
    assert np.allclose(here(workspace, -1), by_peft(plain / "checkpoint-24", base), atol=1e-5)


def test_adapters_of_before_stay_until_the_manifest_names_others(plain, base, workspace, monkeypatch):
    workspace.attach(plain)
    monkeypatch.setattr("backend.model.attaching.record_checkpoints", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        workspace.attach(plain, count=1)
    assert np.allclose(here(workspace, 0), by_peft(plain / "checkpoint-8", base), atol=1e-5)
    monkeypatch.undo()
    workspace.attach(plain, count=1)
    assert len(list((workspace.path / "adapters").iterdir())) == 1


def test_code_that_an_adapter_names_is_never_run(plain, workspace, tmp_path, monkeypatch):
    package = tmp_path / "here" / "megatron"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "core.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    monkeypatch.syspath_prepend(str(tmp_path / "here"))
    named = {"megatron_config": {"a": 1}, "megatron_core": "megatron.core"}
    with pytest.raises(InputError, match="whose code is never loaded"):
        workspace.attach(damaged(plain, tmp_path, with_config(**named)))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"init_lora_weights": "pissa_niter_4"}, "can't be repeated"),
        ({"init_lora_weights": "corda"}, "can't be repeated"),
        ({"r": 10**8}, "says rank 100000000, its tensors hold"),
        ({"rank_pattern": {"query": 10**9}}, "says rank 1000000000, its tensors hold"),
    ],
)
def test_what_would_be_another_model_or_eat_memory_is_refused(values, said, plain, workspace, tmp_path):
    with pytest.raises(InputError, match=said):
        workspace.attach(damaged(plain, tmp_path, with_config(**values)))


@pytest.mark.parametrize("start", ["pissa", "olora", "gaussian", "orthogonal"])
def test_the_model_is_the_one_that_was_in_memory(start, base, workspace, tmp_path, monkeypatch):
    """Not PEFT's loading but the trained model itself: beginnings that change the base are repeated."""
    held = []
    monkeypatch.setattr(
        peft,
        "get_peft_model",
        lambda *given, plain=peft.get_peft_model: held.append(plain(*given)) or held[-1],
    )
    run = adapter_run(base, tmp_path / "run", lora(init_lora_weights=start))
    workspace.attach(run)
    tokenizer = hf.AutoTokenizer.from_pretrained(run / "checkpoint-24")
    with torch.no_grad():
        expected = torch.cat(
            [held[0].eval()(**tokenizer(each, return_tensors="pt")).logits for each in TEXTS]
        )
    assert np.allclose(here(workspace, -1), expected, atol=1e-5)


def test_a_checkpoint_of_the_run_that_is_attached_is_called_so(plain, workspace):
    workspace.attach(plain)
    with pytest.raises(
        InputError, match=r"checkpoint-8: a part of the run that is attached, .*run; give that"
    ):
        workspace.attach(plain / "checkpoint-8")
