"""What to do about it: the bands that turn a probability into a posture."""
