"""How alerts leave: one file for each channel, all with the same `send`."""
