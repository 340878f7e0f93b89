"""Reference numbers for `cm_iewma`, from cvxcovariance.

    pip install cvxcovariance==0.1.9 cvxpy clarabel pandas
    python tests/reference/cm_iewma.py > tests/reference/cm_iewma.json
"""
import json
import sys
from importlib.metadata import version

import cvxpy
import numpy as np
import pandas as pd
from cvx.covariance.combination import from_ewmas

DAYS, ASSETS = 150, 5


def returns():
    """Fat-tailed returns with a common factor whose volatility doubles in the last third, rounded so that the file is exact."""
    random = np.random.default_rng(20261129)
    level = np.where(np.arange(DAYS) < 2 * DAYS // 3, 1.0, 2.0)
    common = random.standard_t(4, DAYS)[:, None]
    own = random.standard_t(4, (DAYS, ASSETS))
    return np.round(0.01 * level[:, None] * (common * np.linspace(0.5, 1.2, ASSETS) + 0.7 * own), 7)


def case(x, half_lives, days, clip):
    pairs = [tuple(float(h) for h in pair.split("/")) for pair in half_lives.split()]
    frame = pd.DataFrame(x)
    blend = from_ewmas(frame, pairs, min_periods_vola=20, min_periods_cov=20, clip_at=clip)
    last = list(blend.solve(window=days, times=[frame.index[-1]], solver="CLARABEL", tol_gap_abs=1e-13, tol_gap_rel=1e-13, tol_feas=1e-13))[-1]
    return {
        "half_lives": half_lives,
        "days": days,
        "clip": clip,
        "n": len(x),
        "shares": last.weights.tolist(),
        "covariance": last.covariance.values.tolist(),
    }


x = returns()
paper = "10/21 21/63 63/125 125/250 250/500"
cases = [case(x, paper, 10, 4.2), case(x, "5/10 20/40", 3, 4.2), case(x[:90], paper, 10, 2.0), case(x[:120], "21/63", 5, 4.2), case(x, "10/21 63/125 250/500", 60, 4.2), case(x[:110], "20/20 20/200", 40, 4.2)]
versions = {"cvxcovariance": version("cvxcovariance"), "cvxpy": cvxpy.__version__, "numpy": np.__version__}
json.dump({"versions": versions, "returns": x.tolist(), "cases": cases}, sys.stdout)
