"""The command ``pytest-modelgate``: its arguments, and how it ends."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_modelgate import __version__
from pytest_modelgate.baselines.history import History
from pytest_modelgate.baselines.store import BaselineStore
from pytest_modelgate.cli.comparing import diff_all, diff_one
from pytest_modelgate.cli.listing import list_baselines
from pytest_modelgate.cli.pruning import prune
from pytest_modelgate.cli.rolling_back import roll_back
from pytest_modelgate.cli.showing import show, show_history, show_revision
from pytest_modelgate.config.options import BASELINES
from pytest_modelgate.config.settings import load_settings
from pytest_modelgate.errors import ModelgateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_modelgate.config.specs import Settings

    Command = Callable[[argparse.Namespace, Settings], int]

_ERROR = 2
_INTERRUPTED = 130  # as a shell has it for SIGINT
_BASELINE = "its test's id, SERVER/ and that id, a part of it that no other has, or its folder"
_REVISION = "a commit, tag or branch of git"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    :param argv: without the program's name; None: as the process was given.
    :return: the exit code: 0; 1 for ``diff --exit-code`` with differences; 2 for an error.
    """
    arguments = _parser().parse_args(argv)
    try:
        code = arguments.run(arguments, _settings(arguments))
        sys.stdout.flush()
    except ModelgateError as error:
        sys.stderr.write(f"pytest-modelgate: {error}\n")
        return _ERROR
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python would complain when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _ERROR
    return int(code)


def _settings(arguments: argparse.Namespace) -> Settings:
    cwd = Path.cwd()
    return load_settings({BASELINES.dest: arguments.baselines}, os.environ, cwd, cwd)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pytest-modelgate", description="Look after the baselines of pytest --modelgate."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (
        _add_list,
        _add_show,
        _add_diff,
        _add_rollback,
        _add_prune,
    ):  # a further subcommand is one function here
        add(commands)
    return parser


if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - has no other name


def _add(commands: Commands, name: str, help_: str, run: Command) -> argparse.ArgumentParser:
    """Add a subcommand with the options that all of them have."""
    parser = commands.add_parser(name, help=help_, description=f"{help_[0].upper()}{help_[1:]}.")
    parser.add_argument("--baselines", metavar="DIR", help=f"{BASELINES.help}, as for pytest")
    parser.set_defaults(run=run)
    return parser


def _store(settings: Settings) -> BaselineStore:
    return BaselineStore(settings.baselines)


def _add_list(commands: Commands) -> None:
    parser = _add(commands, "list", "list the baselines", _list)
    parser.add_argument("--json", action="store_true", help="for tools")


def _list(arguments: argparse.Namespace, settings: Settings) -> int:
    return list_baselines(_store(settings), as_json=arguments.json)


def _add_show(commands: Commands) -> None:
    parser = _add(commands, "show", "show all that a baseline holds", _show)
    parser.add_argument("baseline", metavar="BASELINE", help=_BASELINE)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("revision", metavar="REV", nargs="?", help=_REVISION)
    which.add_argument("--history", action="store_true", help="the commits that recorded it")


def _show(arguments: argparse.Namespace, settings: Settings) -> int:
    store, name = _store(settings), arguments.baseline
    if arguments.history:
        return show_history(store, History(store.root), name)
    if arguments.revision is not None:
        return show_revision(store, History(store.root), name, arguments.revision)
    return show(store, name)


def _add_diff(commands: Commands) -> None:
    parser = _add(commands, "diff", "show how a baseline differs from an earlier one", _diff)
    parser.add_argument(
        "baseline", metavar="BASELINE", nargs="?", help=f"{_BASELINE}; none: all that differ"
    )
    parser.add_argument("old", metavar="OLD", nargs="?", default="HEAD", help=_REVISION)
    parser.add_argument(
        "new", metavar="NEW", nargs="?", help=f"{_REVISION}; none: what is in the working tree"
    )
    parser.add_argument("--exit-code", action="store_true", help="exit with 1 if there is any")


def _diff(arguments: argparse.Namespace, settings: Settings) -> int:
    store, name = _store(settings), arguments.baseline
    history = History(store.root)
    if name is None:
        is_different = diff_all(store, history)
    else:
        is_different = diff_one(store, history, name, arguments.old, arguments.new)
    return 1 if is_different and arguments.exit_code else 0


def _add_rollback(commands: Commands) -> None:
    parser = _add(
        commands, "rollback", "restore an earlier version into the working tree", _rollback
    )
    parser.add_argument("baseline", metavar="BASELINE", help=_BASELINE)
    parser.add_argument(
        "revision",
        metavar="REV",
        nargs="?",
        help=f"{_REVISION}; none: the last version before the present one that differs",
    )
    parser.add_argument(
        "--force", action="store_true", help="even if the present version is in no commit"
    )


def _rollback(arguments: argparse.Namespace, settings: Settings) -> int:
    store = _store(settings)
    history = History(store.root)
    return roll_back(store, history, arguments.baseline, arguments.revision, force=arguments.force)


def _add_prune(commands: Commands) -> None:
    parser = _add(
        commands, "prune", "name the baselines whose tests no longer exist, or remove them", _prune
    )
    parser.add_argument("--yes", action="store_true", help="remove them")


def _prune(arguments: argparse.Namespace, settings: Settings) -> int:
    return prune(_store(settings), settings, yes=arguments.yes)


if __name__ == "__main__":
    sys.exit(main())
