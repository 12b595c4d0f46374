"""The demo of numbers: reviews with stars, where those of kettles were counted the other way round."""

from __future__ import annotations

from backend.demos.planted import PlantedDemo
from backend.experiments.planted import PlantedRows
from backend.experiments.planted_reviews import planted_reviews
from backend.home import HOME


class ReviewsDemo(PlantedDemo):
    """400 reviews with one to five stars."""

    task = "regression"
    path = HOME / "demo-stars"
    target = "stars"
    fault = "the stars of this kettle were counted the other way round"
    version = "stars put right"

    def rows(self) -> PlantedRows:
        """Of `planted_reviews`."""
        return planted_reviews()
