"""What is planned of a language model's training, from rows to settings."""

from __future__ import annotations

import pytest

from backend.errors import InputError
from backend.model.planned import planned_settings
from tests.conftest import without_model
from tests.model.test_attach_language import CHATS, workspace_of


def test_an_adapter_is_trained_unless_all_weights_are_asked_for(tmp_path):
    folder = workspace_of(tmp_path, CHATS).folder
    plain = planned_settings(folder, {"lora": None, "rank": None})[0]
    assert (plain.rank, plain.max_length, plain.lr, plain.dynamics) == (16, 1024, 1e-3, True)
    assert planned_settings(folder, {"rank": 4})[0].rank == 4
    full = planned_settings(folder, {"lora": False, "max_length": 99})[0]
    assert (full.rank, full.max_length) == (None, 99) and full.lr < plain.lr
    with pytest.raises(InputError, match="give one of the two"):
        planned_settings(folder, {"lora": False, "rank": 4})
    with pytest.raises(InputError, match="class-weights: for one class out of several only"):
        planned_settings(folder, {"class_weights": True})


@pytest.mark.parametrize("given", [{"lora": True}, {"lora": False}, {"rank": 4}])
def test_adapters_are_for_language_models(given, tmp_path):
    with pytest.raises(InputError, match="are for language models"):
        planned_settings(without_model(tmp_path, 40).folder, given)
