"""How many threads our work may take: set before torch and numba are loaded, which read it then."""

from __future__ import annotations

import os

from threadpoolctl import threadpool_limits

_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
_limits: list[object] = []  # kept, since a limit ends with its object


def limit_threads(count: int | None) -> int | None:
    """Let this process, and those that it starts, use ``count`` threads; None leaves it to the libraries.

    What is loaded already (numpy's BLAS) is limited, too. Returns ``count``.
    """
    if count is not None:
        for name in _VARIABLES:
            os.environ[name] = str(count)
        _limits.append(threadpool_limits(count))
    return count
