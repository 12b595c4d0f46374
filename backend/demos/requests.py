"""The demo of label sets: requests to a shop's support, where vouchers were taken for a matter of returns."""

from __future__ import annotations

from backend.demos.planted import PlantedDemo
from backend.experiments.planted import PlantedRows
from backend.experiments.planted_requests import planted_requests
from backend.home import HOME


class RequestsDemo(PlantedDemo):
    """400 requests, each with one topic or several."""

    task = "multilabel"
    path = HOME / "demo-topics"
    target = "topics"
    fault = "a voucher is a matter of billing, not of returns"
    version = "topics put right"

    def rows(self) -> PlantedRows:
        """Of `planted_requests`."""
        return planted_requests()
