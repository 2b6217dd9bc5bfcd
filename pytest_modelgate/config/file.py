"""Where the configuration is: ``modelgate.toml``, or the ``[tool.modelgate]`` of a pyproject.toml.

A plain pytest run pays for this module and this search: files are parsed only where they mention
the plugin, and ConfigFile is a NamedTuple, which is made in a fifth of a dataclass's time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_modelgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

OWN_NAME = "modelgate.toml"
SHARED_NAME = "pyproject.toml"


class ConfigFile(NamedTuple):
    """A configuration file, and its keys (without ``tool.modelgate``, where they stand in that)."""

    path: Path
    table: Mapping[str, object]

    def where(self, *keys: str) -> str:
        """Name a table of this file in a message."""
        prefix = ("tool", "modelgate") if self.path.name == SHARED_NAME else ()
        name = ".".join((*prefix, *keys))
        return f"{self.path}: [{name}]" if name else f"{self.path}"


def find_config(start: Path) -> ConfigFile | None:
    """Return the configuration nearest to a folder: in it or, failing that, above it.

    The search ends after a folder with ``.git``, so that a repository never takes another's.

    :param start: the folder to begin with.
    :raises ConfigError: where a file cannot be read, or one folder has two configurations.
    """
    return next((found for folder in _folders(start) if (found := _config_in(folder))), None)


def mentions(start: Path, key: str) -> bool:
    """Tell whether a file that find_config may find could hold a key, without parsing any.

    :raises ConfigError: where a file cannot be read.
    """
    wanted = key.encode()
    return any(
        (own.is_file() and wanted in _read(own))
        or (mentions_modelgate(shared) and wanted in _read(shared))
        for own, shared in ((f / OWN_NAME, f / SHARED_NAME) for f in _folders(start))
    )


def _folders(start: Path) -> Iterator[Path]:
    folder = start.resolve()
    for candidate in (folder, *folder.parents):
        yield candidate
        if (candidate / ".git").exists():
            return


def _config_in(folder: Path) -> ConfigFile | None:
    own, shared = folder / OWN_NAME, folder / SHARED_NAME
    table = _shared_table(shared) if mentions_modelgate(shared) else None
    if not own.is_file():
        return None if table is None else ConfigFile(shared, table)
    if table is not None:
        raise ConfigError(
            f"two configurations in {folder}: {OWN_NAME}, and [tool.modelgate] in {SHARED_NAME}",
            expected="one of them",
            hint="move everything into one, and delete the other",
        )
    return ConfigFile(own, _parse(own))


def mentions_modelgate(path: Path) -> bool:
    """Tell whether a file could hold a configuration, without parsing it.

    :raises ConfigError: where the file is there and cannot be read.
    """
    return path.is_file() and b"modelgate" in _read(path)


def _shared_table(path: Path) -> Mapping[str, object] | None:
    """Return ``[tool.modelgate]``; None where the plugin is merely among the dependencies."""
    tool = _parse(path).get("tool")
    if not isinstance(tool, dict) or "modelgate" not in tool:
        return None
    table = tool["modelgate"]
    if not isinstance(table, dict):
        raise ConfigError(
            f"{path}: tool.modelgate is not a table", expected="[tool.modelgate]", got=repr(table)
        )
    return table


def _parse(path: Path) -> dict[str, object]:
    import tomllib

    try:
        return tomllib.loads(_read(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML", got=str(error)) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}", got=error.strerror) from error
