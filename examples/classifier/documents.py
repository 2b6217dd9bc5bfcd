"""Two dozen small documents, and what the magika model wants to see of them.

The same bytes on every machine: nothing here depends on a compressor, a clock or a random seed, so
a baseline's answers stay comparable.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HALF = 1024  # the model reads so many bytes of the beginning, and as many of the end
BLOCK = 4096  # white space is stripped within so much of either
PADDING = 256  # stands where a short document has no byte


def features(content: bytes) -> NDArray[np.int32]:
    """Return the model's input for a document, shape [1, 2048], as the magika package makes it."""
    beginning = content[:BLOCK].lstrip()[:HALF]
    end = content[-BLOCK:].rstrip()[-HALF:]
    tokens = np.full((1, 2 * HALF), PADDING, dtype=np.int32)
    tokens[0, : len(beginning)] = np.frombuffer(beginning, np.uint8)
    tokens[0, 2 * HALF - len(end) :] = np.frombuffer(end, np.uint8)
    return tokens


def noise(size: int) -> bytes:
    """Return bytes that look random, as the body of a compressed file does."""
    blocks = (hashlib.sha256(struct.pack("<I", i)).digest() for i in range(-(-size // 32)))
    return b"".join(blocks)[:size]


def repeated(head: str, line: str, tail: str = "", *, times: int = 24) -> bytes:
    """Return a text whose lines differ by their number, so that it fills the model's window."""
    return (head + "".join(line.replace("#N", str(i)) for i in range(times)) + tail).encode()


TEXTS: dict[str, bytes] = {
    "python": repeated(
        "from __future__ import annotations\n\nimport sys\n\n\n",
        "def step_#N(value: int) -> int:\n    return value * #N + len(sys.argv)\n\n\n",
        'if __name__ == "__main__":\n    print(step_1(2))\n',
    ),
    "go": repeated(
        'package main\n\nimport "fmt"\n\n',
        "func step#N(value int) int {\n\treturn value*#N + 1\n}\n\n",
        "func main() {\n\tfmt.Println(step1(2))\n}\n",
    ),
    "c": repeated(
        "#include <stdio.h>\n#include <stdlib.h>\n\n",
        "static int step_#N(int value) {\n    return value * #N + 1;\n}\n\n",
        'int main(void) {\n    printf("%d\\n", step_1(2));\n    return EXIT_SUCCESS;\n}\n',
    ),
    "rust": repeated(
        "use std::collections::HashMap;\n\n",
        "fn step_#N(value: &mut i64) -> Option<i64> {\n    value.checked_mul(#N)\n}\n\n",
        'fn main() {\n    let map = HashMap::<i64, i64>::new();\n    println!("{map:?}");\n}\n',
    ),
    "java": repeated(
        "package org.example;\n\nimport java.util.List;\n\npublic final class Steps {\n",
        "    public static int step#N(int value) {\n        return value * #N;\n    }\n\n",
        "    private Steps() {}\n}\n",
    ),
    "javascript": repeated(
        "'use strict';\nconst fs = require('fs');\n\n",
        "function step#N(value) {\n  const result = value * #N;\n  return result;\n}\n\n",
        "module.exports = { step1, run: () => console.log(fs.readdirSync('.')) };\n",
    ),
    "shell": repeated(
        "#!/bin/bash\nset -euo pipefail\n\n",
        'if [ -f "$HOME/step_#N" ]; then\n  echo "step #N is done"\nfi\n',
        "exit 0\n",
    ),
    "sql": repeated(
        "CREATE TABLE steps (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n",
        "INSERT INTO steps (id, name) VALUES (#N, 'step #N');\n",
        "SELECT name FROM steps WHERE id > 3 ORDER BY id DESC;\n",
    ),
    "json": repeated(
        '{\n  "title": "Steps",\n  "steps": [\n',
        '    {\n      "id": #N,\n      "name": "step #N"\n    },\n',
        "    null\n  ]\n}\n",
    ),
    "yaml": repeated(
        "---\nversion: 2\nsteps:\n", "  - id: #N\n    name: step #N\n    needs: [build, test]\n"
    ),
    "toml": repeated(
        '[project]\nname = "steps"\n\n', '[steps.s#N]\nname = "step #N"\norder = #N\n\n'
    ),
    "ini": repeated(
        "; settings\n[main]\ncolour=blue\n\n", "[step#N]\nname=step #N\nenabled=yes\n\n"
    ),
    "xml": repeated(
        '<?xml version="1.0" encoding="UTF-8"?>\n<steps>\n',
        '  <step id="#N"><name>step #N</name></step>\n',
        "</steps>\n",
    ),
    "html": repeated(
        "<!DOCTYPE html>\n<html>\n<head><title>Steps</title></head>\n<body>\n<ul>\n",
        '<li class="step"><a href="/step/#N">Step #N</a></li>\n',
        "</ul>\n</body>\n</html>\n",
    ),
    "css": repeated("body { margin: 0; }\n", ".step-#N {\n  color: #222;\n  padding: #Npx;\n}\n"),
    "markdown": repeated(
        "# Steps\n\nWhat to do, in *this* order:\n\n", "- **Step #N**: see [the page](step-#N.md)\n"
    ),
    "csv": repeated("id,name,price,sold\n", "#N,step #N,#N.50,2024-01-02\n"),
    "text": repeated("", "This is sentence number #N of a letter that says little.\n"),
}

BINARIES: dict[str, bytes] = {
    "png": b"\x89PNG\r\n\x1a\n"
    + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 64, 64, 8, 6, 0, 0, 0)
    + struct.pack(">I4s", 2000, b"IDAT")
    + noise(2000)
    + struct.pack(">I4sI", 0, b"IEND", 0xAE426082),
    "gif": b"GIF89a" + struct.pack("<HHBBB", 64, 64, 0xF7, 0, 0) + noise(1500) + b"\x00;",
    "wav": b"RIFF"
    + struct.pack("<I4s4sIHHIIHH", 2036, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    + struct.pack("<4sI", b"data", 2000)
    + bytes(128 + (i * 37) % 64 for i in range(2000)),
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + noise(1800),
    "elf": b"\x7fELF\x02\x01\x01"
    + bytes(9)
    + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0x1060, 64, 13976, 0, 64, 56, 13, 64, 31, 30)
    + noise(900)
    + bytes(600),
    "random": noise(3000),
}


def all_documents() -> dict[str, bytes]:
    """Return the documents by name."""
    return {**TEXTS, **BINARIES}
