"""The rows that compare nets with peers: what is run, against whom, and the ratio that is asked for."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from figures import Figure
from jobs import Job, net_job, prepare
from pairs import Worker, WorkerError, alternate, median_ratio, running

from nets import NETS, Definition
from pycaffelite.kernels.probe import multiply_add_rate

ROOT = Path(__file__).parents[1]
TOLERANCE = {"PyTorch": 1e-4, "NumPy": 1e-4, "OpenCV": 1e-3}  # OpenCV's Winograd convolutions round more


@dataclass(frozen=True)
class Peer:
    """Somebody to be measured against.

    Attributes:
        name: For the table.
        script: The worker.
        configuration: What the worker is told besides the job.
        net: The net that it runs, when not that of the row.
        slow: Whether it takes so long to start that a quick run leaves it out.
    """

    name: str
    script: str
    configuration: tuple[str, ...] = ()
    net: str = ""
    slow: bool = False


EAGER = Peer("PyTorch eager", "torch_peer.py")
OPENCV = Peer("OpenCV dnn", "opencv_peer.py")
NUMPY = Peer("NumPy with OpenBLAS", "numpy_peer.py")
OURS = "ours.py"
PLAIN = Peer("ours, plain LeNet", OURS, net="lenet")
# Of these the best one counts.
TUNED = tuple(
    Peer(f"PyTorch {name}", "torch_peer.py", ("--configuration", name), slow="compile" in name)
    for name in ("channels-last", "compile", "compile, channels-last")
)


@dataclass(frozen=True)
class Row:
    """One net in one mode at one batch size.

    Attributes:
        key: For `--only`.
        title: For the table.
        mode: "train", "gradients" or "forward".
        batch: Images a pass.
        net: A key of NETS, or the name of a net and its solver in this repository.
        targets: The least ratio for each peer; None where the peer only informs.
        tuned: The least ratio for the best of PyTorch's other configurations.
        quick: Whether a quick run has it.
    """

    key: str
    title: str
    mode: str
    batch: int
    net: str
    targets: dict[Peer, float | None]
    tuned: float | None = None
    quick: bool = True


def _forward(net: str, name: str, torch: float, opencv: float, batches: tuple[int, ...] = (1, 10)) -> list[Row]:
    return [
        Row(f"{net}-{batch}", f"{name} forward, batch {batch}", "forward", batch, net,
            {EAGER: torch, OPENCV: opencv}, quick=batch == 1 and net != "vgg16")
        for batch in batches
    ]  # fmt: skip


ROWS = [
    Row("lenet", "LeNet training, batch 64, LevelDB", "train", 64, "lenet", {EAGER: 3.0, NUMPY: None}, tuned=2.0),
    Row("lenet_dsn", "deeply supervised LeNet, the same", "train", 64, "lenet_dsn",
        {EAGER: 3.0, NUMPY: None, PLAIN: 1 / 1.2}),
    Row("cifar10_quick", "CIFAR-10 quick training, batch 100", "train", 100, "cifar10_quick",
        {EAGER: 2.0, NUMPY: None}),
    Row("caffenet", "CaffeNet forward and backward, batch 10", "gradients", 10, "caffenet", {EAGER: 1.5}),
    *_forward("googlenet", "GoogLeNet", 1.2, 1.2),
    *_forward("resnet50", "ResNet-50", 1.2, 1.2),
    *_forward("vgg16", "VGG-16", 1.2, 1.0, (1,)),
    *_forward("mobilenet", "MobileNet v1", 1.2, 1.0),
    *_forward("squeezenet", "SqueezeNet 1.1", 1.2, 1.0),
]  # fmt: skip


@dataclass
class Bench:
    """How to measure.

    Attributes:
        folder: For files that all workers of a row read.
        threads: Of every worker.
        pairs: Alternations.
        seconds: Length of one run.
        torch_python: A Python that has PyTorch and OpenCV.
        quick: Whether slow peers are left out.
        peak: The best multiply-add rate seen so far, operations a second.
    """

    folder: Path
    threads: int
    pairs: int
    seconds: float
    torch_python: str
    quick: bool
    peak: float = 0.0

    def job(self, row: Row, other: str = "") -> Job:
        """Prepare the row's files, or those of another net in the same mode."""
        name, folder = other or row.net, self.folder / (row.key + other)
        if name in NETS:
            return net_job(folder, NETS[name], row.batch, row.mode)
        net, solver = ROOT / "nets" / f"{name}.prototxt", ROOT / "solvers" / f"{name}_classic_solver.prototxt"
        return prepare(Job(folder, net, solver, row.mode))

    def definition_job(self, key: str, definition: Definition, batch: int, mode: str) -> Job:
        """Prepare files of a net that is in no row."""
        return net_job(self.folder / key, definition, batch, mode)

    def worker(self, job: Job, peer: Peer | None, threads: int | None = None) -> Worker:
        """Start a peer's worker; None is ours."""
        script, configuration = (OURS, ()) if peer is None else (peer.script, peer.configuration)
        python = sys.executable if script in (OURS, NUMPY.script) else self.torch_python
        return Worker(script, [*job.arguments(), *configuration], threads=threads or self.threads, python=python)

    def look_at_peak(self) -> float:
        """Measure the multiply-add rate again, since other work on the machine may have hidden it."""
        self.peak = max(self.peak, *(multiply_add_rate(4000) for _ in range(5)))
        return self.peak


def measure(row: Row, bench: Bench) -> Iterator[Figure]:
    """Run one row; yield a figure for each peer."""
    job = bench.job(row)
    peers = [*row.targets, *(TUNED if row.tuned else ())]
    peers = [peer for peer in peers if not (bench.quick and peer.slow)]
    if not bench.quick:
        bench.worker(job, None).close()  # compiles what the JIT cache lacks, so that memory is that of a usual run
    workers = {"ours": bench.worker(job, None)}
    workers |= {peer.name: bench.worker(bench.job(row, peer.net) if peer.net else job, peer) for peer in peers}
    with running(workers) as ready:
        for name, worker in ready.items():
            check(row.key, name, worker)
        times = alternate(ready, pairs=bench.pairs, seconds=bench.seconds)
        ends = {name: worker.close() for name, worker in ready.items()}
    bench.look_at_peak()
    flops = workers["ours"].about["flops"]
    for name in [name for name in ready if name != "ours"]:
        ours, theirs = statistics.median(times["ours"]), statistics.median(times[name])
        yield Figure(
            row.key,
            row.title,
            name,
            1e3 * ours,
            1e3 * theirs,
            "ms",
            median_ratio(times["ours"], times[name]),
            target=row.targets.get(next(peer for peer in peers if peer.name == name)),
            gflops=flops / ours / 1e9,
            memory=(ends["ours"]["peak_mib"] or 0.0, ends[name]["peak_mib"] or 0.0),
            details={
                "ours": workers["ours"].about | {"ms": [1e3 * value for value in times["ours"]]},
                "theirs": workers[name].about | {"ms": [1e3 * value for value in times[name]]},
                "mode": row.mode,
            },
        )


def check(key: str, name: str, worker: Worker) -> None:
    """Refuse to compare with a peer that computes something else."""
    tolerance = TOLERANCE.get(name.split(" ", maxsplit=1)[0])
    if tolerance is not None and not worker.about["difference"] <= tolerance:
        raise WorkerError(f"{key}: {name} differs from ours by {worker.about['difference']:.1e}")
