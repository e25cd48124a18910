"""A country that does not exist, whose true probabilities of violence are known."""

from pipelines.synthetic.country import make_country

__all__ = ["make_country"]
