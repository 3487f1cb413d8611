from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import struct
import threading

import numpy as np
import pytest

from pycaffelite.data import mnist
from pycaffelite.data.datum import datum_array, read_datum
from pycaffelite.data.download import RemoteFile, fetch
from pycaffelite.data.mnist import make_mnist
from pycaffelite.data.source import open_source
from pycaffelite.errors import DataError


def idx(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def contents():
    random = np.random.default_rng(1)
    return {
        "train-images-idx3-ubyte": idx(random.integers(0, 256, (20, 28, 28))),
        "train-labels-idx1-ubyte": idx(np.arange(20) % 10),
        "t10k-images-idx3-ubyte": idx(random.integers(0, 256, (6, 28, 28))),
        "t10k-labels-idx1-ubyte": idx(np.arange(6)),
    }


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "idx"
    path.mkdir()
    for name, content in contents().items():
        (path / f"{name}.gz").write_bytes(gzip.compress(content))
    return path


@pytest.mark.parametrize("backend", ["leveldb", "lmdb"])
def test_from_a_folder(tmp_path, folder, backend):
    told = []
    paths = make_mnist(
        tmp_path, backend=backend, folder=folder, made=lambda path, count: told.append((path.name, count))
    )
    assert told == [(f"mnist-train-{backend}", 20), (f"mnist-test-{backend}", 6)]
    images = np.frombuffer(contents()["train-images-idx3-ubyte"], np.uint8, offset=16).reshape(20, 1, 28, 28)
    for n, (key, value) in enumerate(open_source(paths[0], backend).items()):
        datum = read_datum(paths[0], key, value)
        assert (key, datum.label) == (b"%08d" % n, n % 10)
        np.testing.assert_array_equal(datum_array(paths[0], key, datum), images[n])


@pytest.mark.parametrize("place", ["", "raw", "MNIST/raw"])
@pytest.mark.parametrize("spell", [lambda name: name, lambda name: name.replace("-idx", ".idx")])
def test_usual_names_and_places(tmp_path, place, spell):
    folder = tmp_path / "idx" / place
    folder.mkdir(parents=True)
    for name, content in contents().items():
        (folder / spell(name)).write_bytes(content)
    assert len(mnist.read_half(tmp_path / "idx", "test")[0]) == 6


def test_missing_file(tmp_path, folder):
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError) as error:
        make_mnist(tmp_path, folder=folder)
    assert str(error.value).splitlines()[1] == (
        f"  expected: `t10k-labels-idx1-ubyte` or `t10k-labels-idx1-ubyte.gz` in `{folder}`"
    )
    assert not list(tmp_path.glob("mnist-*"))


def test_files_of_different_sets(tmp_path, folder):
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.arange(19))))
    with pytest.raises(DataError, match="images and labels do not belong together"):
        make_mnist(tmp_path, folder=folder)
    assert not list(tmp_path.glob("mnist-*"))


def test_refuses_to_overwrite(tmp_path, folder):
    make_mnist(tmp_path, folder=folder)
    with pytest.raises(DataError, match="the database exists already"):
        make_mnist(tmp_path, folder=folder)
    make_mnist(tmp_path, folder=folder, force=True)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; answers the first requests of the paths in `failing` with an error."""

    def __init__(self, *args, failing, **kwargs):
        self.failing = failing
        super().__init__(*args, **kwargs)

    def do_GET(self):
        if self.failing.get(self.path, 0):
            self.failing[self.path] -= 1
            self.send_error(503)
        else:
            super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def server(folder):
    failing = {}
    handler = functools.partial(Handler, directory=str(folder), failing=failing)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/", failing
        server.shutdown()
        thread.join()


def remote(folder, name="train-labels-idx1-ubyte.gz"):
    content = (folder / name).read_bytes()
    return RemoteFile(name, len(content), hashlib.sha256(content).hexdigest())


def test_download(tmp_path, folder, server, monkeypatch):
    monkeypatch.setenv("PYCAFFELITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(mnist, "FILES", {part: remote(folder, file.name) for part, file in mnist.FILES.items()})
    told = []
    paths = make_mnist(tmp_path / "out", mirrors=[server[0]], progress=lambda *step: told.append(step))
    assert len(open_source(paths[0])) == 20
    size = remote(folder).size
    assert ("train-labels-idx1-ubyte.gz", size, size) in told
    # The second time nothing is fetched.
    assert make_mnist(tmp_path / "out2", mirrors=["http://127.0.0.1:1/"])


def test_retries(tmp_path, folder, server):
    file = remote(folder)
    server[1][f"/{file.name}"] = 2
    path = fetch(file, [server[0]], tmp_path / "got", pause=0)
    assert path.read_bytes() == (folder / file.name).read_bytes()
    assert [entry.name for entry in path.parent.iterdir()] == [file.name]


def test_the_next_mirror(tmp_path, folder, server):
    file = remote(folder)
    assert fetch(file, [server[0] + "nowhere", server[0]], tmp_path, attempts=1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sha256": "0" * 64}, "wrong SHA-256"),
        ({"size": 9}, "longer than the 9 bytes it should have"),
        ({"size": 10**6}, "where 1000000 were expected"),
        ({"name": "none.gz"}, "HTTP Error 404"),
    ],
)
def test_wrong_content(tmp_path, folder, server, change, said):
    file = RemoteFile(**{**vars(remote(folder)), **change})
    with pytest.raises(DataError, match="cannot be downloaded") as error:
        fetch(file, [server[0]], tmp_path / "got", attempts=2, pause=0)
    assert said in error.value.got
    assert error.value.hint == "without a network, pass the folder that holds the IDX files: --from FOLDER"
    assert list((tmp_path / "got").iterdir()) == []


def test_no_network(tmp_path, folder):
    with pytest.raises(DataError, match="cannot be downloaded"):
        fetch(remote(folder), ["http://127.0.0.1:1/"], tmp_path, attempts=2, pause=0)
