"""Images that are built, by the SDK and by the docker command."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import replace

import pytest
from tiny_registry import TinyRegistry

from pytest_modelgate.errors import ConfigError, EngineError, ServerError
from pytest_modelgate.servers.images import served_image

pytestmark = pytest.mark.container

SHIM = """\
#!/bin/sh
# A docker command that has buildx, as a machine with BuildKit would; builds as the real one can.
[ "$*" = "buildx version" ] && exit {version}
[ "$1 $2 $3 $4" = "buildx build --load --progress=plain" ] || exit 99
shift 4
DOCKER_BUILDKIT=0 exec {docker} build --force-rm "$@"
"""


@pytest.fixture
def folder(server_folder, tmp_path):
    """A folder that can be built, of the test's own."""
    return shutil.copytree(server_folder, tmp_path / "server")


@pytest.fixture
def built(spec, folder, engine):
    """The test server, to be built; its images are removed."""
    spec = replace(spec, name="Toy_Server", image=None, build=folder, dockerfile="Dockerfile")
    yield spec
    for image in engine.client.images.list(filters={"label": f"folder={folder}"}):
        engine.client.images.remove(image.id, force=True)


@pytest.fixture(autouse=True)
def labelled(folder):
    """Lets the images of a test be found, and makes each test's build its own."""
    with (folder / "Dockerfile").open("a") as dockerfile:
        dockerfile.write(f'LABEL folder="{folder}"\n')


@pytest.fixture(params=["sdk", "command"])
def builder(request, monkeypatch, tmp_path):
    """Both ways to build: without BuildKit, and with a docker command that has it."""
    docker = shutil.which("docker")
    assert docker, "the docker command is needed to test building with it"
    shim = tmp_path / "bin" / "docker"
    shim.parent.mkdir()
    version = 1 if request.param == "sdk" else 0
    shim.write_text(SHIM.format(version=version, docker=docker))
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
    return request.param


@pytest.mark.usefixtures("builder")
def test_a_folder_is_built_and_served(built, kind, answering, engine):
    server = kind.start(built)
    with answering(server) as get:
        assert get("/health").body == b"ok"
    reference = server.provenance["image"]
    assert reference.startswith("modelgate-build/toy-server-")
    assert engine.client.images.get(reference).id == server.provenance["image_digest"]


def test_a_folder_is_built_once_a_session(built, kind, folder):
    kind.prepare(built)
    shutil.rmtree(folder)
    kind.prepare(built)


def test_the_same_name_in_two_folders_makes_two_images(built, engine, tmp_path):
    other = shutil.copytree(built.build, tmp_path / "other")
    one = served_image(engine, built)
    two = served_image(engine, replace(built, build=other))
    assert one.reference != two.reference
    assert one.reference == served_image(engine, built).reference


@pytest.mark.usefixtures("builder")
def test_build_arguments_another_dockerfile_and_dockerignore_are_honoured(
    built, kind, answering, folder
):
    (folder / "secret").write_text("not for the image")
    (folder / ".dockerignore").write_text("secret\n")
    text = (folder / "Dockerfile").read_text()
    (folder / "Other").write_text(f"{text}ARG COLOUR\nENV COLOUR=$COLOUR\nCOPY . /all/\n")
    server = kind.start(replace(built, dockerfile="Other", build_args={"COLOUR": "blue"}))
    with answering(server) as get:
        assert get("/environment?name=COLOUR").body == b"blue"
        assert get("/file?path=/all/Other").status == 200
        assert get("/file?path=/all/secret").status == 500


@pytest.mark.usefixtures("builder")
def test_a_build_that_fails_is_reported_with_its_last_50_lines(built, kind, folder):
    with (folder / "Dockerfile").open("a") as dockerfile:
        dockerfile.write('RUN ["/testserver", "-log-lines", "60", "-exit", "3"]\n')
    with pytest.raises(ServerError, match="cannot be built from") as caught:
        kind.prepare(built)
    assert caught.value.got
    assert len(caught.value.log) == 50
    assert "exiting with code 3, as ordered" in caught.value.log


@pytest.mark.usefixtures("builder")
@pytest.mark.parametrize("builder", ["sdk"], indirect=True)
def test_a_dockerfile_that_needs_buildkit_says_what_to_install(built, kind, folder):
    with (folder / "Dockerfile").open("a") as dockerfile:
        dockerfile.write('RUN --mount=type=cache,target=/x ["/testserver", "-exit", "0"]\n')
    with pytest.raises(ServerError, match="cannot be built") as caught:
        kind.prepare(built)
    assert caught.value.hint == "install docker buildx, which brings BuildKit"


def test_a_folder_without_dockerfile_is_reported(built, kind, folder):
    (folder / "Dockerfile").unlink()
    with pytest.raises(ServerError, match="there is no") as caught:
        kind.prepare(built)
    assert str(folder / "Dockerfile") in caught.value.what


def test_a_server_with_nothing_to_run_is_refused(built, engine):
    with pytest.raises(ConfigError, match="nothing to run in a container"):
        served_image(engine, replace(built, build=None))


def test_an_image_that_another_engine_got_is_missed(built, kind, monkeypatch, tmp_path):
    shim = tmp_path / "docker"
    shim.write_text("#!/bin/sh\nexit 0\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(EngineError, match="does not have the image") as caught:
        kind.prepare(built)
    assert "DOCKER_HOST" in caught.value.hint


@pytest.fixture
def registry(server_binary, engine):
    """A registry with the test server, which is removed from the engine again."""
    with TinyRegistry(server_binary) as registry:
        yield registry
    for image in engine.client.images.list(registry.repository):
        engine.client.images.remove(image.id, force=True)


def test_an_image_that_is_not_here_is_pulled_and_known_by_its_repositorys_digest(
    registry, spec, kind, answering, engine
):
    reference = f"{registry.repository}:1.2"
    server = kind.start(replace(spec, image=reference))
    with answering(server) as get:
        assert get("/health").body == b"ok"
    assert server.provenance == {
        "image": reference,
        "image_digest": f"{registry.repository}@{registry.digest}",
        "image_id": engine.client.images.get(reference).id,
    }


def test_a_tag_that_the_registry_does_not_have_is_reported(registry, spec, kind):
    with pytest.raises(ServerError, match="cannot be pulled") as caught:
        kind.prepare(replace(spec, image=f"{registry.repository}:1.3"))
    assert "unknown here" in caught.value.got
