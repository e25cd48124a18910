"""What runs: sources to snapshots to panel to model to bulletin; the command line."""
