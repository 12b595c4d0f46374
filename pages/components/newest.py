"""Large caches of what a workspace holds: emptied as soon as something has been computed anew.

Their keys name the workspace's version, so an entry of an earlier one is never asked for again; without this
every finished job would leave tables of all rows behind, as many as a cache may keep.
"""

from __future__ import annotations

from threading import Lock
from typing import Any, TypeVar

Cached = TypeVar("Cached", bound=Any)

_LARGE: list[Any] = []
_VERSIONS: dict[str, str] = {}
_LOCK = Lock()


def of_newest(cached: Cached) -> Cached:
    """Declare a function of `st.cache_resource` or `st.cache_data` as such a cache."""
    _LARGE.append(cached)
    return cached


def seen(path: str, version: str) -> None:
    """Note the version that a workspace has now; where it had another before, the caches are emptied."""
    with _LOCK:
        changed = _VERSIONS.get(path, version) != version
        _VERSIONS[path] = version
    if changed:
        for each in _LARGE:
            each.clear()
