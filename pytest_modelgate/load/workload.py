"""A gate's inputs as encoded request bodies: spooled to disk once, replayed identically."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import mmap
import tempfile
from array import array
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_modelgate.errors import LoadError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import IO, Self


class Workload:
    """The request bodies of a gate, in a temporary file: a generator of a million inputs fits.

    The file has no name on disk (where the system allows that), so nothing is left behind even by
    ``kill -9``. Closing the workload, or leaving its ``with`` block, gives the space back.

    :ivar digest: SHA-256, in hex, over every input's name and body, each preceded by its length in
        bytes as a big-endian 64-bit number. The same inputs give the same digest on every machine.
    """

    def __init__(
        self, file: IO[bytes], ends: array[int], names: tuple[str, ...] | None, digest: str
    ) -> None:
        self._file = file
        # Byte offsets: body i lies between _ends[i] and _ends[i + 1]; eight bytes an input.
        self._ends = ends
        self._names = names
        self.digest = digest
        # A mapping of no bytes cannot be made; all bodies are empty then.
        self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if ends[-1] else None

    @classmethod
    def spool(
        cls,
        inputs: Iterable[object] | Mapping[str, object],
        encode: Callable[[object], bytes],
        *,
        limit: int | None = None,
        directory: Path | None = None,
    ) -> Self:
        """Encode the inputs, one at a time, into a temporary file.

        :param inputs: any iterable, read once; a mapping gives the inputs their names, otherwise
            they are called "input 0", "input 1" …
        :param encode: makes the body for an input; raises ProtocolError where it cannot.
        :param limit: read at most so many inputs; None reads them all.
        :param directory: where the file goes; None: where the system keeps temporary files.
        :raises ProtocolError: from ``encode``, with the input's name added.
        :raises LoadError: for no inputs at all, two of the same name, or a disk that is full.
        """
        names = _names(inputs, limit) if isinstance(inputs, Mapping) else None
        values = inputs.values() if isinstance(inputs, Mapping) else _iterate(inputs)
        digest = hashlib.sha256()
        ends = array("Q", [0])
        with contextlib.ExitStack() as until_handed_over:
            file = until_handed_over.enter_context(_temporary_file(directory))
            for index, value in enumerate(itertools.islice(values, limit)):
                name = names[index] if names else _default_name(index)
                body = _encode(encode, value, name)
                for part in (name.encode("utf-8", "surrogatepass"), body):
                    digest.update(len(part).to_bytes(8, "big") + part)
                _write(file, body)
                ends.append(ends[-1] + len(body))
            if len(ends) == 1:
                raise LoadError(
                    "there are no inputs to send",
                    hint="pass at least one; a generator that was read before has none left",
                )
            workload = cls(file, ends, names, digest.hexdigest())
            until_handed_over.pop_all()
        return workload

    def __len__(self) -> int:
        return len(self._ends) - 1

    @property
    def size_bytes(self) -> int:
        """The length of all bodies together."""
        return self._ends[-1]

    def body(self, index: int) -> bytes:
        """Return the request body of an input."""
        if self._bytes is None:
            return b""
        return self._bytes[self._ends[index] : self._ends[index + 1]]

    def name(self, index: int) -> str:
        """Return the name of an input, for messages."""
        return self._names[index] if self._names else _default_name(index)

    def close(self) -> None:
        """Remove the file; calling it again does nothing."""
        if self._bytes is not None:
            self._bytes.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _default_name(index: int) -> str:
    return f"input {index}"


def _names(inputs: Mapping[str, object], limit: int | None) -> tuple[str, ...]:
    names = tuple(map(str, itertools.islice(inputs, limit)))
    name, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        raise LoadError(
            f"two inputs are named {name!r}",
            hint="drift is reported by name, so every input needs its own",
        )
    return names


def _iterate(inputs: Iterable[object]) -> Iterator[object]:
    if not isinstance(inputs, str | bytes):
        try:
            return iter(inputs)
        except TypeError as error:
            raise _not_inputs(inputs) from error
    raise _not_inputs(inputs)


def _not_inputs(value: object) -> LoadError:
    return LoadError(
        "the inputs are not a collection of inputs",
        expected="a list, a generator, or a mapping of name to input",
        got=type(value).__name__,
        hint="a single input is passed as [input]",
    )


def _temporary_file(directory: Path | None) -> IO[bytes]:
    with _disk_errors():
        # Unbuffered: what a full disk refused must not be written once more by closing the file.
        return tempfile.TemporaryFile(buffering=0, dir=directory, prefix="modelgate-")


def _write(file: IO[bytes], body: bytes) -> None:
    rest = memoryview(body)
    while rest:
        with _disk_errors():
            rest = rest[file.write(rest) :]


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LoadError(
            "the inputs could not be written to a temporary file",
            got=str(error),
            hint="free some space, or let TMPDIR name a folder that has more",
        ) from error


def _encode(encode: Callable[[object], bytes], value: object, name: str) -> bytes:
    try:
        return encode(value)
    except ProtocolError as error:
        raise ProtocolError(
            f"{name}: {error.what}",
            expected=error.expected,
            got=error.got,
            hint=error.hint,
            log=error.log,
        ) from error
