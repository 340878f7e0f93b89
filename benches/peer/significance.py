"""Times the model confidence set of arch, to compare with ours: 25 strategies, 6,000 days, stationary blocks of mean length 10.

    pip install arch numpy
    python benches/peer/significance.py 10000
    cargo bench --bench core -- confidence_set
"""
import sys
import time

import numpy as np
from arch.bootstrap import MCS

resamples = int(sys.argv[1])
random = np.random.default_rng(1)
losses = (1 + 0.01 * np.arange(25)) * random.random((6000, 25)) ** 4
for method in ("R", "max"):
    start = time.perf_counter()
    mcs = MCS(losses, size=0.05, reps=resamples, block_size=10, method=method, bootstrap="stationary", seed=1)
    mcs.compute()
    print(f"{method}: {time.perf_counter() - start:.2f} s for {resamples} resamples")
