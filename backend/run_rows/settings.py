"""How a run prepared its rows, and where that is known from: its own record, options given, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from backend.errors import InputError

RUN, OPTION, DEFAULT, NOT_KNOWN = "run", "option", "TRL's default", "not known"
PACKINGS = ("none", "bfd", "bfd_split", "wrapped")
AUTO = "auto"  # of completion_only: where rows have a prompt and a completion


@dataclass(frozen=True)
class Setting:
    """A value, and one of `RUN`, `OPTION`, `DEFAULT`, `NOT_KNOWN`; the value means nothing with the last."""

    value: Any = None
    origin: str = NOT_KNOWN

    @property
    def known(self) -> bool:
        """Whether anything says what it was."""
        return self.origin != NOT_KNOWN


@dataclass(frozen=True)
class Given:
    """What the user says of a run; None: nothing. ``max_length`` 0: texts were not cut."""

    max_length: int | None = None
    packing: str | None = None
    completion_only: bool | None = None
    assistant_only: bool | None = None

    def __post_init__(self) -> None:
        if self.max_length is not None and self.max_length < 0:
            raise InputError(
                f"--max-length {self.max_length}: a number of tokens, or 0 where nothing was cut"
            )
        if self.packing is not None and self.packing not in PACKINGS:
            raise InputError(f"--packing {self.packing}: choose from {', '.join(PACKINGS)}")


@dataclass(frozen=True)
class RunSettings:
    """What TRL 1.16 goes by. ``max_length`` None: no limit; ``packing``: one of `PACKINGS`."""

    max_length: Setting = Setting()
    packing: Setting = Setting()
    completion_only: Setting = Setting()
    assistant_only: Setting = Setting()
    truncation: Setting = Setting("keep_start", DEFAULT)
    shuffle: Setting = Setting(False, DEFAULT)
    seed: Setting = Setting()
    processes: Setting = Setting(None, DEFAULT)
    text_field: Setting = Setting("text", DEFAULT)
    end_token: Setting = Setting(None, DEFAULT)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """By name, value and origin."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: {"value": each.value if each.known else None, "from": each.origin}
            for name, each in named.items()
        }


def settings_of(arguments: Mapping[str, Any], given: Given) -> RunSettings:
    """Settings from the arguments that `FirstwordCallback` wrote (none: an empty mapping) and those given.

    `InputError` where an option says something else than the run itself.
    """

    def recorded(name: str, fits: Callable[[Any], bool], default: Setting) -> Setting:
        known = name in arguments and fits(arguments[name])
        return Setting(arguments[name], RUN) if known else default

    packing = _packing(arguments)
    length = None if given.max_length is None else Setting(given.max_length or None, OPTION)
    plain = RunSettings()
    return RunSettings(
        max_length=_settled("--max-length", recorded("max_length", _is_length, plain.max_length), length),
        packing=_settled("--packing", packing, _option(given.packing)),
        completion_only=_settled(
            "--completion-only",
            _automatic(recorded("completion_only_loss", _is_choice, plain.completion_only)),
            _option(given.completion_only),
        ),
        assistant_only=_settled(
            "--assistant-only",
            recorded("assistant_only_loss", _is_flag, plain.assistant_only),
            _option(given.assistant_only),
        ),
        truncation=recorded("truncation_mode", lambda each: isinstance(each, str), plain.truncation),
        shuffle=recorded("shuffle_dataset", _is_flag, plain.shuffle),
        seed=recorded("seed", lambda each: isinstance(each, int) and each >= 0, plain.seed),
        processes=recorded("dataset_num_proc", _is_length, plain.processes),
        text_field=recorded("dataset_text_field", lambda each: isinstance(each, str), plain.text_field),
        end_token=recorded("eos_token", lambda each: each is None or isinstance(each, str), plain.end_token),
    )


def _settled(option: str, recorded: Setting, given: Setting | None) -> Setting:
    if given is None or (recorded.known and recorded.value == given.value):
        return recorded
    if recorded.known and recorded.value != AUTO:
        raise InputError(f"{option}: the run's own record says {recorded.value}; leave the option out")
    return recorded if recorded.known else given


def _option(value: Any) -> Setting | None:
    return None if value is None else Setting(value, OPTION)


def _packing(arguments: Mapping[str, Any]) -> Setting:
    packed, strategy = arguments.get("packing"), arguments.get("packing_strategy")
    if packed is False:
        return Setting("none", RUN)
    return Setting(strategy, RUN) if packed is True and strategy in PACKINGS[1:] else Setting()


def _automatic(setting: Setting) -> Setting:
    return Setting(AUTO, RUN) if setting.known and setting.value is None else setting


def _is_length(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_choice(value: Any) -> bool:
    return value is None or isinstance(value, bool)
