"""Where a server shall listen: free ports, and the placeholders {port} and {host}."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_modelgate.config.specs import ServerSpec

LOOPBACK = "127.0.0.1"
PORT = "{port}"
HOST = "{host}"


def uses(spec: ServerSpec, placeholder: str, *, command: Iterable[str] = ()) -> bool:
    """Tell whether a server is told this placeholder, by an argument or a variable."""
    return any(placeholder in text for text in (*command, *spec.args, *spec.env.values()))


def fill(text: str, *, host: str, port: int) -> str:
    """Put an address in the place of {port} and {host}; other braces (JSON …) stay as they are."""
    return text.replace(PORT, str(port)).replace(HOST, host)


def fill_all(texts: Iterable[str], *, host: str, port: int) -> list[str]:
    """Fill every text; see `fill`."""
    return [fill(text, host=host, port=port) for text in texts]


def fill_values(env: Mapping[str, str], *, host: str, port: int) -> dict[str, str]:
    """Fill every value; see `fill`."""
    return {name: fill(value, host=host, port=port) for name, value in env.items()}


def is_taken(port: int) -> bool:
    """Tell whether somebody listens on a TCP port of the loopback interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as caller:
        return caller.connect_ex((LOOPBACK, port)) == 0


def free_port() -> int:
    """Return a TCP port on the loopback interface that nobody has just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])
