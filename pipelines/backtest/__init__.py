"""Rolling origins: refit at each on what was known then, and score what followed."""
