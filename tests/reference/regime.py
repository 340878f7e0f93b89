"""Reference numbers for `regime_ewma`, from skfolio.

    pip install skfolio==1.12.2
    python tests/reference/regime.py > tests/reference/regime.json
"""
import json
import sys

import numpy as np
import skfolio
from skfolio.moments import RegimeAdjustedEWCovariance

DAYS, ASSETS = 160, 5


def returns():
    """Fat-tailed returns with a common factor whose volatility doubles in the last third, rounded so that the file is exact."""
    random = np.random.default_rng(20261127)
    level = np.where(np.arange(DAYS) < 2 * DAYS // 3, 1.0, 2.0)
    common = random.standard_t(5, DAYS)[:, None]
    own = random.standard_t(5, (DAYS, ASSETS))
    return np.round(0.01 * level[:, None] * (common * np.linspace(0.5, 1.2, ASSETS) + 0.7 * own), 7)


def case(x, **parameters):
    model = RegimeAdjustedEWCovariance(nearest=False, **parameters).fit(x)
    return {"parameters": parameters, "multiplier": float(model.regime_multiplier_), "covariance": model.covariance_.tolist()}


x = returns()
cases = [case(x), case(x, half_life=23), case(x, half_life=10, corr_half_life=60), case(x[:50], half_life=30), case(x[:35], half_life=30)]
json.dump({"versions": {"skfolio": skfolio.__version__, "numpy": np.__version__}, "returns": x.tolist(), "cases": cases}, sys.stdout)
