"""Times public implementations of covariance cleaners and minvar on the same returns, taking turns. See README.md."""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

N, T, BOOTSTRAPS = 1000, 1200, 10


def make_returns(path):
    """Daily returns with a market factor, ten sectors and fat tails."""
    import numpy as np

    rng = np.random.default_rng(1)
    tails = np.sqrt(4.0 / rng.chisquare(6, (T, 1)))
    market = 0.01 * rng.standard_normal((T, 1))
    sectors = 0.006 * rng.standard_normal((T, 10))
    beta, gamma = rng.uniform(0.5, 1.5, (1, N)), rng.uniform(0.5, 1.5, (1, N))
    own = rng.uniform(0.01, 0.03, (1, N)) * rng.standard_normal((T, N))
    np.save(path, tails * (beta * market + gamma * sectors[:, np.arange(N) % 10] + own))


def qis_general(x):
    """As public scripts do it: with the general eigensolver, which does not use the symmetry of the matrix."""
    import numpy as np

    def solver(matrix):
        eigenvalues, vectors = np.linalg.eig(matrix)
        order = eigenvalues.real.argsort()
        return eigenvalues.real[order], vectors.real[:, order]

    return qis(x, solver)


def qis(x, solver=None):
    """Ledoit and Wolf (2022), section 4, in NumPy: the authors publish scripts but no package."""
    import numpy as np

    solver = solver or np.linalg.eigh

    t, n = x.shape
    y = x - x.mean(axis=0)
    big_n = t - 1
    eigenvalues, vectors = solver(y.T @ y / big_n)
    g = 1 / eigenvalues[max(0, n - big_n):]
    c = n / big_n
    h = min(c**2, c**-2) ** 0.35 * n**-0.35
    gap = g[:, None] - g[None, :]
    weight = g[:, None] / (gap**2 + (h * g[:, None]) ** 2)
    theta, conjugate = (weight * gap).mean(axis=0), (weight * h * g[:, None]).mean(axis=0)
    amplitude = theta**2 + conjugate**2
    delta = 1 / (g * ((1 - c) ** 2 + 2 * c * (1 - c) * theta + c**2 * amplitude))
    delta *= eigenvalues.sum() / delta.sum()
    return vectors * delta @ vectors.T


def nls(x):
    from nonlinshrink import shrink_cov

    return shrink_cov(x)


def rie(x):
    from rie_estimator import get_rie

    return get_rie(x, normalize=False, max_ones=False)


def ledoit_wolf(x):
    from sklearn.covariance import LedoitWolf

    return LedoitWolf().fit(x).covariance_


def hrp(x):
    import pandas as pd
    from pypfopt import HRPOpt

    return HRPOpt(returns=pd.DataFrame(x)).optimize()


def bahc(x):
    from bahc import BAHC

    return BAHC(x.T, K=1, Nboot=BOOTSTRAPS, method="no-neg").filter_matrix()


# Name of the work, the peer and its function, the corresponding estimator of minvar, and threads on both sides if not one.
WORK = [
    ("QIS", "NumPy, symmetric eigensolver", qis, ["--estimator", "qis"]),
    ("QIS, two threads", "NumPy, symmetric eigensolver", qis, ["--estimator", "qis", "--threads", "2"]),
    ("QIS", "NumPy, general eigensolver as in public scripts", qis_general, ["--estimator", "qis"]),
    ("analytical nonlinear shrinkage", "nonlinshrink", nls, ["--estimator", "nls_analytical"]),
    ("RIE", "rie_estimator", rie, ["--estimator", "rie,diagonal=kept"]),
    ("Ledoit-Wolf, identity", "scikit-learn", ledoit_wolf, ["--estimator", "lw_identity"]),
    ("HRP, from returns", "PyPortfolioOpt", hrp, ["--estimator", "sample", "--allocator", "hrp"]),
    (f"BAHC, {BOOTSTRAPS} bootstraps", "bahc", bahc, ["--estimator", f"bahc,bootstraps={BOOTSTRAPS}"]),
]


def peer_child(path, number, repetitions):
    import numpy as np

    x = np.load(path)
    work = WORK[number][2]
    times = []
    for _ in range(repetitions + 1):
        start = time.perf_counter()
        work(x)
        times.append(time.perf_counter() - start)
    return times[1:]  # imports, threads and memory of the first call are not timed


def run_peer(path, number, repetitions, environment):
    command = [sys.executable, __file__, "--child", path, str(number), str(repetitions)]
    output = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    return json.loads(output.splitlines()[-1])


def run_minvar(binary, path, arguments, repetitions):
    command = [binary, "benchmark", "--json", "--returns", path, "--repeat", str(repetitions + 1), *arguments]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return next(iter(json.loads(output)["estimators"].values()))[-1]["seconds"][1:]  # nor is ours


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minvar", required=True)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "returns.npy")
        make_returns(path)
        decomposition = run_minvar(arguments.minvar, path, ["--estimator", "detone"], 5)
        for number, (what, peer, _, ours) in enumerate(WORK):
            times, theirs = [], []
            threads = ours[-1] if "--threads" in ours else "1"
            environment = os.environ | dict.fromkeys(variables, threads)
            for _ in range(arguments.rounds):
                theirs += run_peer(path, number, 3, environment)
                times += run_minvar(arguments.minvar, path, ours, 3)
            median, other = statistics.median(times), statistics.median(theirs)
            row = f"| {what} | {peer} | {other:.2f} | {median:.3f} | {other / median:.1f} |"
            lines.append(row)
            print(row, flush=True)
    text = f"n = {N}, T = {T}, one thread unless it says two, float64, {platform.machine()}; from returns to covariance (HRP: to weights); "
    text += f"medians of {arguments.rounds} rounds, taking turns, the first call of a process not counted. Of ours, product and eigendecomposition alone take "
    text += f"{statistics.median(decomposition):.2f} s wherever eigenvalues are cleaned.\n\n"
    text += "| work | peer | peer, s | minvar, s | ratio |\n|---|---|---|---|---|\n" + "\n".join(lines) + "\n"
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] == "--child":
        print(json.dumps(peer_child(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
    else:
        main()
