"""Which image starts the baseline's server: with a real engine, and real repositories."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from dataclasses import replace

import pytest
from tiny_registry import TinyRegistry

from pytest_modelgate.baselines.machine import git_provenance
from pytest_modelgate.errors import BaselineServerError
from pytest_modelgate.servers.baseline_server import baseline_server
from pytest_modelgate.servers.engine import connect
from pytest_modelgate.servers.images import served_image

pytestmark = pytest.mark.container

NO_IMAGE = "sha256:" + "0" * 64


def git(folder, *arguments):
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
        cwd=folder, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where temporary folders are made; none is left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def paint(server_folder, tmp_path, engine):
    """Makes the folder's image one of another colour; all of a test's images are removed."""
    label = f"modelgate-test={uuid.uuid4().hex}"
    folder = tmp_path / "project" / "server"
    shutil.copytree(server_folder, folder)
    dockerfile = (folder / "Dockerfile").read_text()

    def paint(colour):
        text = f"{dockerfile}LABEL {label}\nENV COLOUR={colour}\n"
        (folder / "Dockerfile").write_text(text)

    paint("blue")
    yield paint
    for image in engine.client.images.list(filters={"label": label}):
        engine.client.images.remove(image.id, force=True)


@pytest.fixture
def root(paint, tmp_path):
    """A repository with the folder `server`, committed blue."""
    root = tmp_path / "project"
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "blue")
    return root


@pytest.fixture
def built(spec, root):
    """The server built from the folder."""
    return replace(spec, image=None, build=root / "server")


@pytest.fixture
def recorded(built, root, engine):
    """The provenance of the blue server, whose image is there no more."""
    image = served_image(engine, built)
    engine.client.images.remove(image.id, force=True)
    return {"image": image.reference, "image_digest": image.id, **git_provenance(root)}


@pytest.fixture
def tagged(spec, paint, engine, tmp_path):
    """Returns a server with an image by a tag, which it makes one of a colour."""
    tag = f"modelgate-test/colour:{uuid.uuid4().hex[:12]}"

    def tagged(colour):
        paint(colour)
        engine.client.images.build(path=str(tmp_path / "project" / "server"), tag=tag, rm=True)
        return replace(spec, image=tag)

    return tagged


@pytest.fixture
def colour(kind, answering):
    """Starts a server and returns its colour; it runs until the test ends."""

    def colour(spec):
        with answering(kind.start(spec)) as get:
            return get("/environment?name=COLOUR").body.decode()

    return colour


def refused(spec, provenance, root, engine):
    context = baseline_server(spec, provenance, root=root, engine=engine)
    with pytest.raises(BaselineServerError) as caught, context:
        pytest.fail("it cannot be had")
    return caught.value


def test_the_recorded_image_runs_beside_the_one_that_has_its_tag_now(
    tagged, kind, colour, tmp_path, engine
):
    spec = replace(tagged("blue"), cpus=1, mounts=(), request_timeout_s=7)
    provenance = kind.start(spec).provenance
    assert tagged("green").image == spec.image
    with baseline_server(spec, provenance, root=tmp_path, engine=engine) as baseline:
        assert baseline == replace(spec, name="toy (baseline)", image=provenance["image_digest"])
        assert colour(baseline) == "blue"
        kind.prepare(replace(spec, name="green"))
        assert colour(replace(spec, name="green")) == "green"


def test_two_baselines_of_one_server_are_two_images(tagged, colour, tmp_path, engine):
    for wanted in ("blue", "green"):
        spec = tagged(wanted)
        image = served_image(engine, spec)
        provenance = {"image": spec.image, "image_digest": image.digest}
        with baseline_server(spec, provenance, root=tmp_path, engine=engine) as baseline:
            assert colour(baseline) == wanted


def test_without_an_engine_given_the_environments_is_reached_and_let_go(tagged, tmp_path, engine):
    spec = tagged("blue")
    provenance = {"image_digest": served_image(engine, spec).id}
    with baseline_server(spec, provenance, root=tmp_path) as baseline:
        assert baseline.image == provenance["image_digest"]


def test_an_image_that_is_gone_is_not_replaced_by_what_has_its_tag(tagged, tmp_path, engine):
    spec = tagged("green")
    provenance = {"image": spec.image, "image_digest": NO_IMAGE}
    error = refused(spec, provenance, tmp_path, engine)
    assert "not in the engine any more" in error.what
    assert "docker load" in error.hint


@pytest.mark.parametrize(
    "digest",
    ["", "latest", "toy:1", "sha256:", "sha256:" + "0" * 63, "sha256:" + "0" * 65, "0" * 64,
     "sha256:" + "A" * 64, NO_IMAGE + "\n", "--all", "@" + NO_IMAGE, "a/../../b@" + NO_IMAGE,
     "a b@" + NO_IMAGE, "toy:1@" + "sha256:0", "-x@" + NO_IMAGE, "http://x/y@" + NO_IMAGE],
)  # fmt: skip
def test_what_is_no_digest_is_refused_and_asks_the_engine_nothing(spec, tmp_path, digest, engine):
    error = refused(spec, {"image": spec.image, "image_digest": digest}, tmp_path, engine)
    assert "does not say by its digest" in error.what
    assert error.got == (digest or "a baseline of a server without an image")


def test_a_baseline_of_a_plain_process_has_no_image(spec, tmp_path, engine):
    error = refused(spec, {"command": "./server"}, tmp_path, engine)
    assert "does not say by its digest" in error.what


@pytest.fixture
def registry(server_binary, engine):
    """A registry with the test server, which is removed from the engine again."""
    with TinyRegistry(server_binary) as registry:
        yield registry
    for image in engine.client.images.list(registry.repository):
        engine.client.images.remove(image.id, force=True)


def pulled(registry, spec, engine):
    spec = replace(spec, image=f"{registry.repository}:1.2")
    image = served_image(engine, spec)
    assert image.digest == f"{registry.repository}@{registry.digest}"
    return spec, {"image": image.reference, "image_digest": image.digest, "image_id": image.id}


def test_an_image_from_a_registry_is_pulled_again_by_its_digest(
    registry, spec, kind, answering, tmp_path, engine
):
    spec, provenance = pulled(registry, spec, engine)
    engine.client.images.remove(provenance["image_id"], force=True)
    del registry.contents["/v2/toy/manifests/1.2"]
    with baseline_server(spec, provenance, root=tmp_path, engine=engine) as baseline:
        assert baseline.image == provenance["image_id"]
        with answering(kind.start(baseline)) as get:
            assert get("/health").body == b"ok"


def test_an_image_that_is_here_is_not_pulled(registry, spec, tmp_path, engine):
    spec, provenance = pulled(registry, spec, engine)
    registry.contents.clear()
    for known in (provenance, {**provenance, "image_id": "tampered"}):
        with baseline_server(spec, known, root=tmp_path, engine=engine) as baseline:
            assert baseline.image == provenance["image_id"]


def test_an_image_that_its_registry_deleted_is_reported(registry, spec, tmp_path, engine):
    spec, provenance = pulled(registry, spec, engine)
    engine.client.images.remove(provenance["image_id"], force=True)
    registry.contents.clear()
    error = refused(spec, provenance, tmp_path, engine)
    assert "cannot be pulled" in error.what
    assert "unknown" in error.got  # in words that depend on what the engine still remembers


def test_a_folder_is_built_as_it_was_in_the_recorded_commit(
    built, recorded, root, paint, colour, engine
):
    paint("green")
    git(root, "commit", "-a", "-m", "green")
    paint("red")
    with baseline_server(built, recorded, root=root / "server", engine=engine) as baseline:
        assert baseline == replace(built, name="toy (baseline)", image=baseline.image, build=None)
        assert colour(baseline) == "blue"
        assert colour(built) == "red"
    assert git(root, "worktree", "list").count("\n") == 0
    assert git(root, "status", "--porcelain") == "M server/Dockerfile"


def test_a_commit_is_built_once_for_all_sessions(built, recorded, root, engine):
    with baseline_server(built, recorded, root=root, engine=engine) as first:
        pass
    shutil.rmtree(root / ".git" / "objects")
    (root / ".git" / "objects").mkdir()
    with baseline_server(built, recorded, root=root, engine=engine) as second:
        assert second == first


def test_another_commit_is_another_build(built, recorded, root, paint, colour, engine):
    paint("green")
    git(root, "commit", "-a", "-m", "green")
    later = {**recorded, **git_provenance(root)}
    for provenance, wanted in ((recorded, "blue"), (later, "green")):
        with baseline_server(built, provenance, root=root, engine=engine) as baseline:
            assert colour(baseline) == wanted


def test_a_built_image_that_is_still_here_needs_no_repository(built, tmp_path, engine, paint):
    image = served_image(engine, built)
    paint("green")
    served_image(engine, built)
    provenance = {"image": image.reference, "image_digest": image.id, "git_dirty": "true"}
    with baseline_server(built, provenance, root=tmp_path, engine=engine) as baseline:
        assert baseline.image == image.id


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"git_dirty": "true"}, "uncommitted changes"),
        ({"git_commit": "1" * 40}, "not in this clone"),
        ({"git_commit": "--upload-pack=touch x"}, "does not say from which commit"),
        ({"git_commit": "HEAD; touch x"}, "does not say from which commit"),
        ({"git_commit": ""}, "does not say from which commit"),
    ],
)
def test_a_baseline_whose_commit_cannot_be_had_is_reported(
    built, recorded, root, changed, what, engine
):
    assert what in refused(built, {**recorded, **changed}, root, engine).what


def test_a_baseline_without_a_commit_is_reported(built, recorded, root, engine):
    del recorded["git_commit"]
    assert "from which commit" in refused(built, recorded, root, engine).what


def test_a_folder_that_did_not_exist_then_is_reported(built, recorded, root, engine):
    (root / "server").rename(root / "moved")
    error = refused(replace(built, build=root / "moved"), recorded, root, engine)
    assert "no folder moved yet" in error.what


def test_a_folder_outside_the_repository_is_reported(built, recorded, root, tmp_path, engine):
    (root / "link").symlink_to(shutil.copytree(root / "server", tmp_path / "outside"))
    for folder in (tmp_path / "outside", root / ".." / "outside", root / "link"):
        error = refused(replace(built, build=folder), recorded, root, engine)
        assert "outside the repository" in error.what


def test_an_image_that_was_built_has_no_folder_where_the_configuration_names_none(
    built, recorded, spec, root, engine
):
    assert "names no more" in refused(spec, recorded, root, engine).what


def test_an_image_that_was_not_built_is_not_built_now(built, recorded, root, engine):
    provenance = {**recorded, "image": "classifier:1"}
    assert "not in the engine" in refused(built, provenance, root, engine).what


def test_without_git_nothing_can_be_built(built, recorded, root, engine, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert refused(built, recorded, root, engine).hint == "install git"


def test_a_file_that_git_does_not_have_is_missed_with_the_builds_log(
    built, recorded, root, paint, engine
):
    (root / ".gitignore").write_text("model\n")
    (root / "server" / "model").write_text("x")
    with (root / "server" / "Dockerfile").open("a") as dockerfile:
        dockerfile.write("COPY model /model\n")
    git(root, "add", ".")
    git(root, "commit", "-m", "model")
    served_image(engine, built)
    error = refused(built, {**recorded, **git_provenance(root)}, root, engine)
    assert "cannot be built from its commit" in error.what
    assert any("COPY model" in line for line in error.log)
    assert "files that git does not have" in error.hint


def test_an_interrupt_while_it_is_built_leaves_no_folder(built, recorded, root, monkeypatch):
    shim = root / "docker"  # whose build interrupts pytest, and would go on
    shim.write_text(
        '#!/bin/sh\n[ "$2" = version ] && exit 0\n'
        f"kill -INT {os.getpid()}; exec sleep 1\n"
    )  # fmt: skip
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{root}{os.pathsep}{os.environ['PATH']}")
    engine = connect()
    try:
        context = baseline_server(built, recorded, root=root, engine=engine)
        with pytest.raises(KeyboardInterrupt), context:
            pytest.fail("it was not interrupted")
    finally:
        engine.client.close()
    assert git(root, "worktree", "list").count("\n") == 0
