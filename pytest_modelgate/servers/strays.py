"""Servers that a dead session left behind, and how they are removed.

A session that is killed outright (kill -9, out of memory) can clean nothing up; the next one does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modelgate.errors import EngineError
from pytest_modelgate.servers.engine import connect, remove_container, translated
from pytest_modelgate.servers.marked_processes import kill_marked
from pytest_modelgate.servers.owner import LABEL, VARIABLE, Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modelgate.servers.engine import Engine


def reap_strays() -> tuple[str, ...]:
    """Remove the containers and processes of every session of this host that is dead.

    :returns: what was removed, to be told: "container 4f1d…", "process 4711".
    :raises EngineError: where an engine answers, but refuses to remove a container.
    :raises ServerError: where a process may not be killed.
    """
    processes = [f"process {pid}" for pid in reap_processes(Session.is_dead)]
    try:
        engine = connect()
    except EngineError:  # no engine, so no containers; whoever needs one will say that it is absent
        return tuple(processes)
    try:
        containers = [f"container {name}" for name in reap_containers(engine, Session.is_dead)]
    finally:
        engine.client.close()
    return (*containers, *processes)


def reap_containers(engine: Engine, is_stray: Callable[[Session], bool]) -> list[str]:
    """Remove the containers whose session is a stray; return their short ids."""
    with translated("cannot list the containers that earlier sessions left"):
        found = engine.client.api.containers(all=True, filters={"label": LABEL})
    removed = []
    for container in found:
        session = Session.from_labels(container["Labels"])
        if session is not None and is_stray(session):
            remove_container(engine, container["Id"])
            removed.append(container["Id"][:12])
    return removed


def reap_processes(is_stray: Callable[[Session], bool]) -> list[int]:
    """Kill the processes whose session is a stray; return their pids."""

    def belongs_to_a_stray(variable: str) -> bool:
        session = Session.from_variable(variable)
        return session is not None and is_stray(session)

    return kill_marked(VARIABLE, belongs_to_a_stray)
