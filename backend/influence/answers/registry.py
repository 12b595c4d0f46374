"""All attribution methods, found by looking into `backend.influence.answers.methods`, and those that are
registered."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from backend.errors import InputError
from backend.influence.answers import methods
from backend.influence.answers.agreement import OF_CLASSES, needs_classes
from backend.influence.answers.catalogue import added_methods, serving_language_models
from backend.influence.answers.defaults import DEFAULT_METHOD
from backend.influence.answers.method import Method
from backend.manifest import TaskName
from backend.tasks.heads import CAUSAL_LM


def all_methods() -> dict[str, Method]:
    """Every method by name, the default first, those of extensions last."""
    return {**_built_in(), **added_methods()}


@cache
def _built_in() -> dict[str, Method]:
    names = sorted(each.name for each in iter_modules(methods.__path__))
    modules = [import_module(f"{methods.__name__}.{name}") for name in names]
    found: dict[str, Method] = {}
    for method in (each for module in modules for each in module.METHODS):
        if method.name in found:
            raise RuntimeError(f"two attribution methods are named {method.name}")
        found[method.name] = method
    return {DEFAULT_METHOD: found.pop(DEFAULT_METHOD), **found}


def method_named(name: str) -> Method:
    """The method of that name; `InputError` if there is none."""
    found = all_methods().get(name)
    if found is None:
        raise InputError(f"--method {name}: must be one of {', '.join(all_methods())}")
    return found


def scores_serving(method: Method, task: TaskName) -> tuple[str, ...]:
    """The scores of a method that serve a task."""
    left_out: tuple[str, ...] = () if task == "classification" else OF_CLASSES
    if task == CAUSAL_LM:
        left_out = (*OF_CLASSES, "residual", *(("adam",) if method.name == DEFAULT_METHOD else ()))
    return tuple(each for each in method.scores if each not in left_out)


def methods_of(task: TaskName) -> dict[str, Method]:
    """The methods that serve a task, by name, the default first."""
    found = all_methods()
    return {name: found[name] for name in serving_language_models()} if task == CAUSAL_LM else found


def score_named(method: Method, score: str | None, task: TaskName = "classification") -> str:
    """The score asked for, or the method's own; `InputError` if the method does not know it for this task."""
    known_here = scores_serving(method, task)
    if score is None:
        return method.own_score or known_here[0]
    if score in OF_CLASSES and score in method.scores and score not in known_here:
        raise needs_classes(score, task)
    if score not in known_here:
        known = ", ".join(known_here)
        raise InputError(f"--score {score}: must be one of {known} with method {method.name}")
    return score
