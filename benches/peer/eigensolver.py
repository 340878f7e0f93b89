"""Times the symmetric eigensolvers of SciPy (OpenBLAS) and torch (MKL on x86) and ours, taking turns. See README.md."""

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"
SIZES = (50, 100, 200, 350, 500, 1000)


def seconds(work):
    """The fastest call within about a second."""
    best, start = float("inf"), time.perf_counter()
    count = 0
    while count < 5 or time.perf_counter() - start < 1:
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
        count += 1
    return best


def peer(which, dtype, n, file):
    """Milliseconds of one of the peers, in a process of its own, on our matrix."""
    import numpy as np

    matrix = np.fromfile(file, dtype="<f8").reshape(n, n, order="F")
    matrix = np.asfortranarray(matrix.astype("float32" if dtype == "f32" else "float64"))
    if which == "torch":
        import torch

        torch.set_num_threads(1)
        tensor = torch.from_numpy(matrix)
        return 1e3 * seconds(lambda: torch.linalg.eigh(tensor))
    import scipy.linalg

    return 1e3 * seconds(lambda: scipy.linalg.eigh(matrix, driver=which, check_finite=False))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", help="the built benches/eigensolver.rs: target/release/deps/eigensolver-...")
    parser.add_argument("--out", type=pathlib.Path, help="Markdown file for the table")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--peer", nargs=4, metavar=("WHICH", "DTYPE", "N", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        which, dtype, n, file = arguments.peer
        print(peer(which, dtype, int(n), file))
        return
    lines = [
        "# Symmetric eigendecomposition beside LAPACK",
        "",
        "`benches/peer/eigensolver.py`: eigenvalues and eigenvectors of one sample correlation, one thread, milliseconds, the fastest of",
        f"{arguments.turns} turns in processes of their own; {platform.processor() or platform.machine()}, {cpu()}.",
        "",
        "| type | n | minvar | torch (MKL) | OpenBLAS syevd | OpenBLAS syevr | faer | best of them / minvar |",
        "|---|---|---|---|---|---|---|---|",
    ]
    folder = tempfile.TemporaryDirectory()
    matrices = {n: str(pathlib.Path(folder.name) / f"{n}.bin") for n in SIZES}
    for n, file in matrices.items():
        subprocess.run([arguments.program, "matrix", str(n), file], check=True)
    for dtype in ("f32", "f64"):
        for n in SIZES:
            best = {}
            for _ in range(arguments.turns):
                ours = subprocess.run([arguments.program, "time", dtype, str(n)], capture_output=True, text=True, check=True)
                ours = json.loads(ours.stdout)
                times = {"minvar": ours["best_ms"], "faer": ours["faer_ms"]}
                for which in ("torch", "evd", "evr"):
                    call = [sys.executable, __file__, "--peer", which, dtype, str(n), matrices[n]]
                    times[which] = float(subprocess.run(call, capture_output=True, text=True, check=True).stdout)
                for which, value in times.items():
                    best[which] = min(value, best.get(which, float("inf")))
            ratio = min(best[which] for which in best if which != "minvar") / best["minvar"]
            cells = " | ".join(f"{best[which]:.3g}" for which in ("minvar", "torch", "evd", "evr", "faer"))
            lines.append(f"| {dtype} | {n:,} | {cells} | {ratio:.2f} |")
            print(lines[-1], flush=True)
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")


def cpu():
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
        return next(line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        return "unknown processor"


if __name__ == "__main__":
    main()
