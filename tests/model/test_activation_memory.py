"""What a backward pass keeps of a token, against what torch keeps; and batches for large models."""

import pytest
import torch
import transformers as hf

from backend.model.activation_memory import activation_bytes, most_tokens

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


def test_a_larger_model_has_smaller_batches():
    with torch.device("meta"):
        small, large = (
            hf.AutoModelForCausalLM.from_config(
                hf.LlamaConfig(hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers)
            )
            for width, layers in ((512, 8), (4096, 32))
        )
    assert most_tokens(small) > 16 * most_tokens(large) >= 16
