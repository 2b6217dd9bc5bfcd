"""Where a server's processes really listen: what one wants to know when it cannot be reached."""

from __future__ import annotations

import ipaddress
import re
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LISTEN = "0A"


def listening_addresses(pids: Iterable[int]) -> tuple[str, ...]:
    """Return the TCP addresses that processes listen on, "127.0.0.1:9000", "[::]:80".

    Read from Linux's /proc (proc(5), /proc/pid/net/tcp), in each process's own network namespace;
    psutil looks in ours only. Nothing where it cannot be known: another system, another user's
    processes.
    """
    found: set[str] = set()
    for pid in pids if sys.platform == "linux" else ():
        proc = Path("/proc", str(pid))
        try:
            inodes = _sockets(proc)
            files = (proc / "net/tcp", proc / "net/tcp6")  # the latter only where IPv6 is on
            tables = [file.read_text("ascii") for file in files if file.exists()]
        except OSError:  # it has ended, or is not ours to look into
            continue
        found.update(address for table in tables for address in _listeners(table, inodes))
    return tuple(sorted(found))


def _sockets(proc: Path) -> set[str]:
    links = (str(descriptor.readlink()) for descriptor in (proc / "fd").iterdir())
    return {match.group(1) for link in links if (match := re.fullmatch(r"socket:\[(\d+)\]", link))}


def _listeners(table: str, inodes: set[str]) -> Iterable[str]:
    for line in table.splitlines()[1:]:
        fields = line.split()
        address, state, inode = fields[1], fields[3], fields[9]
        if state == _LISTEN and inode in inodes:
            yield _readable(address)


def _readable(address: str) -> str:
    """Read "0100007F:2328": words of the address in the machine's byte order, the port in hex."""
    words, port = address.split(":")
    packed = b"".join(struct.pack("=I", int(words[i : i + 8], 16)) for i in range(0, len(words), 8))
    host = ipaddress.ip_address(packed)
    return f"{host}:{int(port, 16)}" if host.version == 4 else f"[{host}]:{int(port, 16)}"
