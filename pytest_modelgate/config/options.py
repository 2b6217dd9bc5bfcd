"""The session's options: one table, and one rule of precedence for all of them.

A plain pytest run pays for this module, hence NamedTuples (made in a fifth of a dataclass's time),
and imports where an error needs them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, Protocol, TypeVar

from pytest_modelgate.config.file import mentions
from pytest_modelgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_modelgate.config.file import ConfigFile

T_co = TypeVar("T_co", covariant=True)
Choice = TypeVar("Choice", bound=str)

ENV_PREFIX = "MODELGATE_"
_BOOLEANS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


class Given(NamedTuple):
    """A value that somebody gave, and where.

    :ivar origin: the flag, the variable, or the file and key: for messages.
    :ivar is_text: whether the place knows only text (command line, environment), so that "5" is 5.
    :ivar folder: what a relative path refers to: the working directory, or the file's folder.
    """

    value: object
    origin: str
    is_text: bool
    folder: Path


class Sources(NamedTuple):
    """All places where an option can be given.

    :ivar cli: ``dest`` → value; absent or None where it was not given. May hold others' options.
    """

    cli: Mapping[str, object]
    env: Mapping[str, str]
    file: ConfigFile | None
    cwd: Path


class Option(NamedTuple, Generic[T_co]):
    """One option.

    :ivar name: its key in the file.
    :ivar flag: on the command line; one without ``metavar`` takes no value.
    :ivar read: returns the value, or raises ConfigError.
    """

    name: str
    flag: str
    help: str
    default: T_co
    read: Callable[[Given], T_co]
    metavar: str | None = None
    negative_flag: str | None = None

    @property
    def variable(self) -> str:
        """The environment variable."""
        return ENV_PREFIX + self.name.upper()

    @property
    def dest(self) -> str:
        """The attribute of pytest's ``config.option``, which all plugins share."""
        return f"modelgate_{self.name}"


def first_given(option: Option[object], sources: Sources) -> Given | None:
    """Return what stands first: command line, environment, file; None where nothing was given.

    This is the only rule of precedence. What counts is being given, not being true: False and 0
    stand. An empty environment variable was not given (CI systems pass unset inputs so).
    """
    if (value := sources.cli.get(option.dest)) is not None:
        return Given(value, option.flag, is_text=True, folder=sources.cwd)
    if text := sources.env.get(option.variable):
        return Given(text, option.variable, is_text=True, folder=sources.cwd)
    if sources.file is not None and option.name in sources.file.table:
        origin = f"{sources.file.where()} {option.name}"
        value = sources.file.table[option.name]
        return Given(value, origin, is_text=False, folder=sources.file.path.parent)
    return None


def resolve(option: Option[T_co], sources: Sources) -> T_co:
    """Return an option's value, else its default; raises ConfigError naming who gave a bad one."""
    given = first_given(option, sources)
    return option.default if given is None else option.read(given)


def reject_misspelt(env: Mapping[str, str]) -> None:
    """Refuse a MODELGATE_ variable that looks like an option misspelt; others may be anybody's."""
    import difflib

    known = {option.name.upper(): option.variable for option in OPTIONS}
    for name in env:
        ending = name.removeprefix(ENV_PREFIX)
        if ending == name or ending in known:
            continue
        if near := difflib.get_close_matches(ending, known, n=1, cutoff=0.8):
            raise ConfigError(
                f"unknown environment variable {name}", hint=f"did you mean {known[near[0]]}?"
            )


def _error(given: Given, expected: str) -> ConfigError:
    from pytest_modelgate.config.table import describe

    return ConfigError(f"{given.origin} is not valid", expected=expected, got=describe(given.value))


def _boolean(given: Given) -> bool:
    if isinstance(given.value, bool):
        return given.value
    if given.is_text and isinstance(given.value, str):
        value = _BOOLEANS.get(given.value.strip().lower())
        if value is not None:
            return value
        raise _error(given, "one of " + ", ".join(_BOOLEANS))
    raise _error(given, "true or false")


def _runs(given: Given) -> int:
    value = given.value
    if given.is_text and isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise _error(given, "an integer, 1 or more")


def _text(given: Given) -> str:
    if isinstance(given.value, str) and given.value:
        return given.value
    raise _error(given, "a string that is not empty")


def _one_of(*choices: Choice) -> Callable[[Given], Choice]:
    def read(given: Given) -> Choice:
        for choice in choices:
            if given.value == choice:
                return choice
        *others, last = (f'"{choice}"' for choice in choices)
        raise _error(given, f"{', '.join(others)} or {last}")

    return read


def _duration_s(given: Given) -> float:
    from pytest_modelgate.units import parse_duration_s

    if not isinstance(given.value, str):
        raise _error(given, 'a duration, as "60 s"')
    try:
        return parse_duration_s(given.value)
    except ConfigError as error:
        raise _error(given, 'a duration, as "60 s"') from error


def _path(given: Given) -> Path:
    if isinstance(given.value, str | Path) and str(given.value):
        return given.folder / given.value
    raise _error(given, "a path")


ENABLED = Option(
    "enabled",
    "--modelgate",
    "start the servers, measure, and judge; without it gated tests are skipped",
    default=False,
    read=_boolean,
    negative_flag="--no-modelgate",
)
UPDATE_BASELINE = Option(
    "update_baseline",
    "--update-baseline",
    "record what is measured as the new baseline; turns --modelgate on",
    default=False,
    read=_boolean,
)
JSON = Option[Path | None](
    "json",
    "--modelgate-json",
    "write the report to this file",
    default=None,
    read=_path,
    metavar="PATH",
)
INCONCLUSIVE = Option[Literal["fail", "warn"]](
    "inconclusive",
    "--modelgate-inconclusive",
    "what an inconclusive verdict does to the test",
    default="fail",
    read=_one_of("fail", "warn"),
    metavar="fail|warn",
)
RUNTIME = Option[str | None](
    "runtime",
    "--modelgate-runtime",
    "run every server this way: docker, process, or what a plugin provides",
    default=None,
    read=_text,
    metavar="NAME",
)
RUNS = Option(
    "runs",
    "--modelgate-runs",
    "how often each server is started afresh and measured",
    default=5,
    read=_runs,
    metavar="N",
)
BASELINES = Option(
    "baselines",
    "--modelgate-baselines",
    "the folder of the baselines",
    default=Path("baselines"),
    read=_path,
    metavar="DIR",
)

SIDE_BY_SIDE = Option[Literal["auto", "always", "never"]](
    "side_by_side",
    "--modelgate-side-by-side",
    "when to start the baseline's server beside the candidate: auto is where the recorded numbers "
    "leave a doubt",
    default="auto",
    read=_one_of("auto", "always", "never"),
    metavar="auto|always|never",
)
BUDGET = Option(
    "budget",
    "--modelgate-budget",
    "how long a gate may take side by side until its answer is clear",
    default=60.0,
    read=_duration_s,
    metavar="DURATION",
)
STRICT_IMPROVEMENTS = Option(
    "strict_improvements",
    "--modelgate-strict-improvements",
    "fail also where a metric is proven better than its baseline by more than its threshold",
    default=False,
    read=_boolean,
)

OPTIONS: tuple[Option[object], ...] = (
    ENABLED, UPDATE_BASELINE, JSON, INCONCLUSIVE, RUNTIME, RUNS, BASELINES, SIDE_BY_SIDE, BUDGET,
    STRICT_IMPROVEMENTS,
)  # fmt: skip


class OptionGroup(Protocol):
    """What pytest gives a plugin to add options to."""

    def addoption(self, *opts: str, **attrs: object) -> None:
        """Add one option."""


def add_options(group: OptionGroup) -> None:
    """Add every option to the command line; one that is not given there is None."""
    for option in OPTIONS:
        if option.metavar is not None:
            group.addoption(option.flag, dest=option.dest, metavar=option.metavar, help=option.help)
            continue
        group.addoption(
            option.flag, dest=option.dest, action="store_true", default=None, help=option.help
        )
        if option.negative_flag is not None:
            group.addoption(
                option.negative_flag,
                dest=option.dest,
                action="store_false",
                default=None,
                help=f"turn {option.flag} off, wherever it was turned on",
            )


def maybe_enabled(cli: Mapping[str, object], env: Mapping[str, str], start: Path) -> bool:
    """Tell, without parsing a file, whether the gates could be on; load_settings knows.

    A plain pytest run, for which the answer is no, pays for this question only. Any MODELGATE_
    variable is reason enough to look closer: it could be an option misspelt.

    :raises ConfigError: where a file cannot be read.
    """
    if (given := cli.get(ENABLED.dest)) is not None:
        return bool(given)
    if cli.get(UPDATE_BASELINE.dest):
        return True
    return any(name.startswith(ENV_PREFIX) for name in env) or any(
        mentions(start, option.name) for option in (ENABLED, UPDATE_BASELINE)
    )
