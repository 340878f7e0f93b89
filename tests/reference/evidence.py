"""Reference numbers for tests/it/significance.rs, from implementations that are not ours.

    pip install arch==8.0.0 empyrical-reloaded quantstats numpy scipy    # versions stand in the file
    python tests/reference/evidence.py > tests/reference/evidence.json

Metrics come from empyrical and quantstats, block lengths, kernels, model confidence set and superior predictive ability from
arch, autocorrelations from plain numpy. The two Ledoit-Wolf tests exist in no Python package: they are written here day by
day, with explicit loops over the resampled days, where the program uses running sums. Resampled blocks follow a rule that
both sides can compute, so that p-values agree exactly and not within the noise of a simulation.
"""
import json
import sys

import arch
import empyrical
import numpy as np
import quantstats
from arch.bootstrap import MCS, SPA, optimal_block_length
from arch.covariance.kernel import Parzen, QuadraticSpectral
from scipy import stats

DAYS, SERIES, RESAMPLES, BLOCK = 400, 4, 499, 9


def returns():
    """Four dependent, fat-tailed series with volatility that clusters, rounded so that the file is exact."""
    random = np.random.default_rng(20261121)
    variance, rows, before = 1.0, [], np.zeros(SERIES)
    for _ in range(DAYS):
        variance = 0.05 + 0.85 * variance + 0.1 * variance * random.chisquare(5) / 5
        common = random.standard_t(5)
        own = random.standard_t(6, SERIES)
        now = 0.1 * before + np.sqrt(variance) * (0.6 * common + 0.5 * own) * np.array([1.0, 1.1, 1.12, 1.4])
        rows.append(now * 0.006 + 0.0004)
        before = now
    return np.round(np.array(rows), 7)


def blocks(resample):
    """Circular blocks of BLOCK days whose starts are a function of two counters."""
    left, number, found = DAYS, 0, []
    while left > 0:
        mixed = ((resample * 1000003 + number * 7919 + 1) * 6364136223846793005 + 1442695040888963407) % 2**64
        start = (mixed >> 33) % DAYS
        found.append((start, min(BLOCK, left)))
        left -= min(BLOCK, left)
        number += 1
    return found


def days(resample):
    return np.array([(start + k) % DAYS for start, length in blocks(resample) for k in range(length)])


class Bootstrap:
    """In the place of arch's own resampling."""

    def __init__(self, data=None):
        self.data = data

    def bootstrap(self, n):
        for resample in range(n):
            index = days(resample)
            yield ([index if self.data is None else self.data[index]], {})


def confidence_set(losses, method):
    mcs = MCS(losses, size=0.05, reps=RESAMPLES, block_size=BLOCK, method=method, seed=1)
    mcs.bootstrap = Bootstrap()
    mcs.compute()
    return [float(mcs.pvalues.loc[k, "Pvalue"]) for k in range(losses.shape[1])]


def superior(losses, benchmark):
    others = [k for k in range(losses.shape[1]) if k != benchmark]
    spa = SPA(losses[:, benchmark], losses[:, others], block_size=BLOCK, reps=RESAMPLES, seed=1)
    spa.bootstrap = Bootstrap(spa._loss_diff)
    spa.compute()
    return [float(p) for p in spa.pvalues]


def difference(kind, a, b):
    """Ledoit-Wolf: HAC (Parzen, Andrews) and studentised circular blocks, day by day."""
    def f(v):
        m1, m2, g1, g2 = v
        if kind == "variance":
            return np.log(g1 - m1**2) - np.log(g2 - m2**2)
        return m1 / np.sqrt(g1 - m1**2) - m2 / np.sqrt(g2 - m2**2)

    def slope(v):  # central differences: no formula in common with the program
        out = []
        for k in range(4):
            h = 1e-5 * max(abs(v[k]), 1e-6)
            up, down = v.copy(), v.copy()
            up[k] += h
            down[k] -= h
            out.append((f(up) - f(down)) / (2 * h))
        return np.array(out)

    y = np.column_stack([a, b, a**2, b**2])
    v = y.mean(0)
    centred = y - v
    numerator = denominator = 0.0
    for column in centred.T:
        rho = np.clip((column[1:] @ column[:-1]) / (column[:-1] @ column[:-1]), -0.97, 0.97)
        s2 = np.mean((column[1:] - rho * column[:-1]) ** 2)
        numerator += 4 * rho**2 * s2**2 / (1 - rho) ** 8
        denominator += s2**2 / (1 - rho) ** 4
    bandwidth = 2.6614 * (numerator / denominator * DAYS) ** 0.2
    psi = centred.T @ centred / DAYS
    for lag in range(1, DAYS):
        x = lag / bandwidth
        weight = 1 - 6 * x**2 + 6 * x**3 if x <= 0.5 else 2 * (1 - x) ** 3 if x <= 1 else 0.0
        gamma = centred[lag:].T @ centred[:-lag] / DAYS
        psi += weight * (gamma + gamma.T)
    psi *= DAYS / (DAYS - 4)
    error = np.sqrt(slope(v) @ psi @ slope(v) / DAYS)
    estimate = f(v)
    exceeding = 0
    for resample in range(RESAMPLES):
        chosen = y[days(resample)]
        v_star = chosen.mean(0)
        whole = DAYS // BLOCK
        psi_star = np.zeros((4, 4))
        for j in range(whole):
            zeta = (chosen[j * BLOCK:(j + 1) * BLOCK] - v_star).sum(0) / np.sqrt(BLOCK)
            psi_star += np.outer(zeta, zeta) / whole
        error_star = np.sqrt(slope(v_star) @ psi_star @ slope(v_star) / DAYS)
        exceeding += abs(f(v_star) - estimate) / error_star >= abs(estimate) / error
    return {
        "estimate": estimate, "standard_error": error, "p_hac": 2 * stats.norm.cdf(-abs(estimate) / error),
        "p_bootstrap": (exceeding + 1) / (RESAMPLES + 1), "bandwidth": bandwidth,
    }


def measures(r):
    import pandas as pd
    s = pd.Series(r, index=pd.date_range("2000-01-03", periods=len(r), freq="B"))
    growth = empyrical.annual_return(s)
    autocorrelation = [np.corrcoef(r[k:], r[: len(r) - k])[0, 1] for k in range(1, 3)]
    return {
        "volatility_annual": empyrical.annual_volatility(s), "sharpe_ratio": empyrical.sharpe_ratio(s),
        "max_drawdown": empyrical.max_drawdown(s), "growth_annual": growth, "calmar_ratio": empyrical.calmar_ratio(s),
        "value_at_risk": empyrical.value_at_risk(s, 0.05),
        "conditional_value_at_risk": empyrical.conditional_value_at_risk(s, 0.05),
        "drawdown_quantstats": float(quantstats.stats.max_drawdown(s)),
        "volatility_quantstats": float(quantstats.stats.volatility(s, periods=252)),
        "skewness": stats.skew(r), "kurtosis": stats.kurtosis(r, fisher=False),
        "rolling_last": float(s.rolling(63).std().iloc[-1] * np.sqrt(252)),
        "autocorrelation": autocorrelation,
    }


def main():
    r = returns()
    losses = r**2
    centred = r - r.mean(0)
    lengths = optimal_block_length(losses)
    stationary = MCS(losses, size=0.05, reps=20000, block_size=BLOCK, method="R", bootstrap="stationary", seed=7)
    stationary.compute()
    document = {
        "versions": {"arch": arch.__version__, "empyrical": empyrical.__version__, "quantstats": quantstats.__version__},
        "returns": [list(column) for column in r.T],
        "resamples": RESAMPLES, "block": BLOCK,
        "measures": [measures(column) for column in r.T],
        "block_length": [[row.stationary, row.circular] for row in lengths.itertuples()],
        # arch divides lags by the bandwidth plus one
        "parzen": Parzen(centred, bandwidth=7, center=False).cov.long_run.tolist(),
        "quadratic_spectral": QuadraticSpectral(centred, bandwidth=4.1, center=False).cov.long_run.tolist(),
        "confidence_set_range": confidence_set(losses, "R"),
        "confidence_set_max": confidence_set(losses, "max"),
        "confidence_set_stationary": [float(stationary.pvalues.loc[k, "Pvalue"]) for k in range(SERIES)],
        "superior": [superior(losses, benchmark) for benchmark in range(SERIES)],
        "variance": [difference("variance", r[:, 0], r[:, k]) for k in range(1, SERIES)],
        "sharpe": [difference("sharpe", r[:, 0], r[:, k]) for k in range(1, SERIES)],
    }
    json.dump(document, sys.stdout, default=float, indent=None, separators=(",", ":"))
    print()


main()
