from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.factories import tiny


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny model by architecture, built once per session; never write into it."""

    @cache
    def build(architecture: str) -> Path:
        return tiny(architecture, tmp_path_factory.mktemp("models") / architecture)

    return build
