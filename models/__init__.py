"""What may happen: splits, baselines, estimators, calibration, metrics, drivers, the registry."""
