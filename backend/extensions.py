"""Code of others that adds tasks, attribution methods, scores and strategies; found before a list is read.

An extension is a module whose import registers what it brings (see `firstword.extend`). There are two ways to
name one: an installed package has an entry point of the group ``firstword.extensions``, or the environment
variable ``FIRSTWORD_EXTENSIONS`` names modules and files. Jobs in the background inherit the latter.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import RLock

from backend.errors import InputError

GROUP = "firstword.extensions"
VARIABLE = "FIRSTWORD_EXTENSIONS"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_BETWEEN = re.compile(rf"[,{re.escape(os.pathsep)}\n]")


class _Extensions:
    """Those of this process: loaded when first asked for, by one thread, while others wait.

    ``fault`` is what was wrong with one; it is said again whenever a registry is read, since what depends on
    the extension would go wrong in a way that is harder to understand.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._begun = False
        self._done = False
        self._fault: str | None = None

    def load(self) -> None:
        if not self._done:
            with self._lock:
                if not self._begun:  # else this thread is at it: an extension reads a registry
                    self._begun = True
                    try:
                        self._load_all()
                    except BaseException:  # Ctrl-C: the next who asks loads them
                        self._begun = False
                        raise
                    self._done = True
        if self._fault is not None:
            raise InputError(self._fault)

    def _load_all(self) -> None:
        try:
            for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
                _load_point(point)
            for name in named_extensions():
                _load_named(name)
        except InputError as error:
            self._fault = str(error)


_ours = _Extensions()


def load_extensions() -> None:
    """Load what is named and not loaded yet; `InputError` with one line where an extension is at fault."""
    _ours.load()


def named_extensions() -> list[str]:
    """What ``FIRSTWORD_EXTENSIONS`` names: modules and files, in its order."""
    parts = (each.strip() for each in _BETWEEN.split(os.environ.get(VARIABLE, "")))
    return list(dict.fromkeys(each for each in parts if each))


def _load_point(point: EntryPoint) -> None:
    package = point.dist.name if point.dist else "a package"
    _run(point.load, f"extension {point.name} of {package} ({point.value})")


def _load_named(name: str) -> None:
    if not _is_file(name):
        _run(lambda: import_module(name), f"{VARIABLE}: module {name}")
        return
    path = Path(name).expanduser()
    if not path.is_file():
        raise InputError(f"{VARIABLE}: {name}: no such file")
    _run(lambda: _load_file(path.resolve()), f"{VARIABLE}: {name}", path.resolve())


def _is_file(name: str) -> bool:
    return name.endswith(".py") or "/" in name or os.sep in name


def _load_file(path: Path) -> None:
    module_name = f"firstword_extension_{path.stem}"
    spec = spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise InputError("is not a Python file")
    module = sys.modules[module_name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise


def _run(load: Callable[[], object], where: str, file: Path | None = None) -> None:
    """`InputError` for whatever the extension raises, with the line of its file that was at fault."""
    try:
        load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise InputError(f"{where}{_line(error, file)}: {_told(error)}") from error


def _line(error: BaseException, file: Path | None) -> str:
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return f", line {error.lineno}"
    own = [each for each in traceback.extract_tb(error.__traceback__) if each.filename == str(file)]
    return f", line {own[-1].lineno}" if own else ""


def _told(error: BaseException) -> str:
    said = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    return said if isinstance(error, InputError) else f"{type(error).__name__}{': ' if said else ''}{said}"


def origin(thing: object) -> str:
    """Where a class or function was written: the path of its file, or the name of its module.

    By it, one that is registered a second time (a cell of a notebook run again) is told from another one of
    the same name.
    """
    thing = getattr(thing, "func", thing)  # of a functools.partial
    module_name = str(getattr(thing, "__module__", None) or type(thing).__module__)
    file = getattr(sys.modules.get(module_name), "__file__", None)
    return str(Path(file).resolve()) if file else module_name


def admit(
    what: str, name: object, comes_from: str, built_in: Collection[str], added: Mapping[str, str]
) -> str:
    """The name under which something may be registered.

    ``added`` gives where those of the same kind come from that were registered before. Raises `InputError`
    for what can't be a name, one that is built in, and one that another file has taken.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError(
            f"{what} {name!r}: a name is lower-case letters, digits, - and _, such as my-{what.split()[-1]}"
        )
    if name in built_in:
        raise InputError(f"{what} {name!r}: is built in; choose another name")
    if added.get(name, comes_from) != comes_from:
        raise InputError(f"{what} {name!r}: {added[name]} has registered one already; choose another name")
    return name


def how_to_load(comes_from: str) -> str:
    """What to do about something whose extension is not loaded."""
    if not comes_from or comes_from == "__main__":
        return "run the notebook or script that registers it"
    return f"set {VARIABLE}={comes_from}, or install the package that it is part of"
