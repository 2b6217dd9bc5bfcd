"""An image registry with one image, for the engine to pull from."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

_KIND = "application/vnd.docker."
_UNKNOWN = json.dumps({"errors": [{"code": "UNKNOWN", "message": "unknown here"}]}).encode()
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _layer(program: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(program, arcname=program.name)
    return buffer.getvalue()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):  # the name is http.server's
        self._answer(with_body=True)

    def do_HEAD(self):  # likewise
        self._answer(with_body=False)

    def _answer(self, *, with_body):
        kind, body = self.server.contents.get(self.path, ("application/json", _UNKNOWN))
        is_known = self.path in self.server.contents
        self.send_response(200 if is_known else 404)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("docker-content-digest", _digest(body))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class TinyRegistry(ThreadingHTTPServer):
    """Serves an image of one program, as image v2 schema 2 says, until it is closed."""

    def __init__(self, program: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        layer = _layer(program)
        config = {
            "architecture": _ARCHITECTURES[platform.machine()],
            "os": "linux",
            "config": {"Entrypoint": [f"/{program.name}"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
        blobs = [
            (f"{_KIND}container.image.v1+json", json.dumps(config).encode()),
            (f"{_KIND}image.rootfs.diff.tar.gzip", gzip.compress(layer, 1)),
        ]
        described = [
            {"mediaType": kind, "size": len(blob), "digest": _digest(blob)} for kind, blob in blobs
        ]
        kind = f"{_KIND}distribution.manifest.v2+json"
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": kind,
                "config": described[0],
                "layers": described[1:],
            }
        ).encode()
        self.digest = _digest(manifest)
        self.contents = {f"/v2/toy/blobs/{_digest(blob)}": (kind, blob) for kind, blob in blobs}
        self.contents["/v2/"] = ("application/json", b"{}")
        for name in ("1.2", self.digest):
            self.contents[f"/v2/toy/manifests/{name}"] = (kind, manifest)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))

    @property
    def repository(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}/toy"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
