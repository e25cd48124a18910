"""The feature registry (being filled)."""

FEATURES: dict[str, object] = {}
