"""What runs: sources to snapshots to panel to model to bulletin; the command line."""

import os

# MLflow tells its makers what is done with it, unless it is told not to before it is loaded.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
