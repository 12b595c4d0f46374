"""What a backward pass keeps of a token, against what torch keeps; and batches for large models."""

import pytest
import torch
import transformers as hf
from transformers import CONFIG_MAPPING

from backend.audit.source_gradients import held_at_once
from backend.influence.gradients.capture import batches
from backend.influence.gradients.settings import TraceSettings
from backend.model import activation_memory, free_memory, long_rows
from backend.model.activation_memory import activation_bytes, most_tokens
from backend.model.encoded import Tokens
from backend.model.loading import load_classifier
from backend.model.long_rows import spare_memory
from tests.language_models import lm_tokenizer, tiny_lm

SIZES = {"vocab_size": 64, "hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4}
CONFIGS = {
    "llama": hf.LlamaConfig(**SIZES, intermediate_size=176, num_key_value_heads=2),
    "qwen3": hf.Qwen3Config(**SIZES, intermediate_size=176, num_key_value_heads=2, head_dim=16),
    "gpt2": hf.GPT2Config(vocab_size=64, n_embd=64, n_layer=3, n_head=4),
    "opt": hf.OPTConfig(**SIZES, ffn_dim=256, word_embed_proj_dim=64),
    "bert": hf.BertConfig(**SIZES, intermediate_size=256),
    "distilbert": hf.DistilBertConfig(vocab_size=64, dim=64, n_layers=3, n_heads=4, hidden_dim=256),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_estimate_is_not_below_what_torch_keeps(name):
    torch.manual_seed(0)
    model = hf.AutoModel.from_config(CONFIGS[name], attn_implementation="sdpa").eval().requires_grad_(False)
    inputs = torch.randint(0, 64, (4, 32))
    kept: dict[int, int] = {}
    own = {each.untyped_storage().data_ptr() for each in model.parameters()}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    embedded = model.get_input_embeddings()(inputs).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        found = model(inputs_embeds=embedded, attention_mask=torch.ones_like(inputs)).last_hidden_state
    per_token = sum(kept.values()) / inputs.numel()
    assert found.requires_grad and 0.25 < per_token / activation_bytes(model.config) <= 1.05


def test_no_config_stops_a_model():
    """A size is unknown rather than an error; what is known is positive."""
    for name, kind in CONFIG_MAPPING.items():
        try:
            config = kind()
        except Exception:
            continue
        found = activation_bytes(config)
        assert found is None or found > 0, name
    assert activation_bytes(hf.Gemma3nTextConfig()) > 35 * 4 * 16_384 * 4


def test_batches_are_bounded_by_the_model(monkeypatch, tmp_path):
    tiny_lm(tmp_path)
    model, tokenizer = load_classifier(tmp_path), lm_tokenizer()
    rows = [Tokens([1] * 10, None) for _ in range(8)]
    monkeypatch.setattr(activation_memory, "_ON_CPU", 25 * activation_bytes(model.config))
    assert [len(each) for each in batches(rows, model, tokenizer, TraceSettings())] == [2, 2, 2, 2]
    monkeypatch.setattr(activation_memory, "_ON_CPU", 1)
    assert [len(each) for each in batches(rows, model, tokenizer, TraceSettings())] == [1] * 8


def test_a_containers_limit_counts(monkeypatch, tmp_path):
    device = torch.device("cpu")
    assert free_memory.free_memory(device) > 1 << 20
    monkeypatch.setattr(free_memory, "_CGROUP", tmp_path)
    (tmp_path / "memory.current").write_text("1000")
    (tmp_path / "memory.max").write_text("max")
    assert free_memory.free_memory(device) > 1 << 20
    (tmp_path / "memory.max").write_text("9000")
    assert free_memory.free_memory(device) == 8000
    assert held_at_once(device, 500) == 4 and held_at_once(device, 10**9) == 1


def test_a_larger_model_has_smaller_batches():
    with torch.device("meta"):
        small, large = (
            hf.AutoModelForCausalLM.from_config(
                hf.LlamaConfig(hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers)
            )
            for width, layers in ((512, 8), (4096, 32))
        )
    assert most_tokens(small) > 16 * most_tokens(large) >= 16


def test_training_keeps_less_of_large_batches_only(monkeypatch, tmp_path):
    tiny_lm(tmp_path)
    model = load_classifier(tmp_path)
    rows = [Tokens([1] * 10, None)] * 4
    monkeypatch.setattr(long_rows, "_ON_CPU", 25 * activation_bytes(model.config))
    spare_memory(model, rows, 2)
    assert not model.is_activation_checkpointing
    spare_memory(model, rows, 3)
    assert model.is_activation_checkpointing
