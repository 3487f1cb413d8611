"""Worker: OpenCV's dnn module, which reads our prototxt and our caffemodel."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from serve import difference, refuse, serve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--net", type=Path)
    parser.add_argument("--mode", choices=["forward"], required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    try:
        import cv2  # noqa: PLC0415 -- may not be installed
    except ImportError as error:
        refuse(error)
        return
    cv2.setNumThreads(options.threads)
    net = cv2.dnn.readNetFromCaffe(str(options.net), str(options.folder / "weights.caffemodel"))
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    with np.load(options.folder / "inputs.npz") as inputs:
        data = inputs["data"]

    def run(iterations: int) -> None:
        for _ in range(iterations):
            net.setInput(data)
            net.forward()

    net.setInput(data)
    found = {"prob": net.forward()}
    about = {"peer": f"OpenCV {cv2.__version__}", "threads": cv2.getNumThreads()}
    serve(run, about | {"difference": difference(found, options.folder)})


if __name__ == "__main__":
    main()
