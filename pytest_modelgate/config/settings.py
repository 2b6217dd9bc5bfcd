"""The session's settings, from the command line, the environment and the configuration file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modelgate.config import options
from pytest_modelgate.config.file import find_config
from pytest_modelgate.config.server_table import read_servers
from pytest_modelgate.config.specs import Settings
from pytest_modelgate.config.table import Table, describe
from pytest_modelgate.errors import ConfigError
from pytest_modelgate.thresholds import canonical_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_TABLES = ("servers", "thresholds")


def load_settings(
    cli: Mapping[str, object], env: Mapping[str, str], start: Path, cwd: Path
) -> Settings:
    """Return the session's settings.

    :param cli: ``Option.dest`` → value as given on the command line; None where it was not.
    :param env: the environment.
    :param start: the common folder of the tests asked for, where the search for a configuration
        file begins.
    :param cwd: where pytest was started: what paths on the command line and in the environment
        refer to.
    :raises ConfigError: where a file cannot be read, a key is unknown, or a value is not valid.
    """
    file = find_config(start)
    options.reject_misspelt(env)
    sources = options.Sources(cli, env, file, cwd.resolve())
    table = Table({}, "") if file is None else Table(file.table, file.where())
    table.reject_unknown([*(option.name for option in options.OPTIONS), *_TABLES])
    update = options.resolve(options.UPDATE_BASELINE, sources)
    # Who asks to record and says nothing else wants to measure; --no-modelgate says something.
    is_enabled = options.first_given(options.ENABLED, sources)
    root = start.resolve() if file is None else file.path.parent
    return Settings(
        root=root,
        enabled=update if is_enabled is None else options.resolve(options.ENABLED, sources),
        update_baseline=update,
        json=options.resolve(options.JSON, sources),
        inconclusive=options.resolve(options.INCONCLUSIVE, sources),
        runtime=options.resolve(options.RUNTIME, sources),
        runs=options.resolve(options.RUNS, sources),
        baselines=root / options.resolve(options.BASELINES, sources),
        side_by_side=options.resolve(options.SIDE_BY_SIDE, sources),
        budget_s=options.resolve(options.BUDGET, sources),
        strict_improvements=options.resolve(options.STRICT_IMPROVEMENTS, sources),
        servers=read_servers(table, root),
        thresholds=read_thresholds(table),
    )


def read_thresholds(table: Table) -> dict[str, str]:
    """Return the organisation's default thresholds: metric name → text, not yet parsed.

    TOML reads ``latency.p99.9`` as three nested tables, and ``latency."p99.9"`` as two; both name
    the same metric.

    :raises ConfigError: where a value is not a string, or one metric is named twice.
    """
    thresholds: dict[str, str] = {}
    for key, text in _leaves(table.tables("thresholds")):
        name = canonical_name(key)
        if not isinstance(text, str):
            raise ConfigError(
                f"{table.where} thresholds: {name} is not valid",
                expected='a string, as "+5 %" or "< 40 ms"',
                got=describe(text),
            )
        if name in thresholds:
            raise ConfigError(f"{table.where} thresholds: {name} is given twice", hint="keep one")
        thresholds[name] = text
    return thresholds


def _leaves(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
