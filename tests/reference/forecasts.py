"""Reference scores of covariance forecasts, from skfolio.

    pip install skfolio==1.12.2
    python tests/reference/forecasts.py > tests/reference/forecasts.json
"""
import json
import sys

import numpy as np
import skfolio
from skfolio.model_selection import covariance_forecast_evaluation
from skfolio.moments import EmpiricalCovariance

DAYS, ASSETS, TRAIN, HORIZON = 160, 5, 60, 5


def returns():
    """Fat-tailed returns with a common factor whose volatility doubles in the last third, rounded so that the file is exact."""
    random = np.random.default_rng(20261128)
    level = np.where(np.arange(DAYS) < 2 * DAYS // 3, 1.0, 2.0)
    common = random.standard_t(5, DAYS)[:, None]
    own = random.standard_t(5, (DAYS, ASSETS))
    return np.round(0.01 * level[:, None] * (common * np.linspace(0.5, 1.2, ASSETS) + 0.7 * own), 7)


x = returns()
weights = np.array([np.ones(ASSETS) / ASSETS, [0.9, -0.2, 0.4, -0.3, 0.2]])
scores = covariance_forecast_evaluation(
    EmpiricalCovariance(), x, train_size=TRAIN, test_size=HORIZON, portfolio_weights=weights
)
exceedance = scores.exceedance_summary((0.95, 0.99))
json.dump(
    {
        "versions": {"skfolio": skfolio.__version__, "numpy": np.__version__},
        "train": TRAIN,
        "horizon": HORIZON,
        "returns": x.tolist(),
        "weights": weights.tolist(),
        "mahalanobis_ratio": scores.mahalanobis_calibration_ratio.tolist(),
        "diagonal_ratio": scores.diagonal_calibration_ratio.tolist(),
        "standardised": scores.portfolio_standardized_return.T.tolist(),
        "qlike": scores.portfolio_variance_qlike_loss.T.tolist(),
        "bias": scores.bias_statistic.tolist(),
        "exceedance": exceedance["observed_rate"].tolist(),
    },
    sys.stdout,
)
