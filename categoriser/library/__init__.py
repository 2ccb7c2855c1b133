"""The public Python API: a library of collections."""

from categoriser.library.adding import AddReport
from categoriser.library.collection import Collection
from categoriser.library.describing import (
    Describer,
    DescribeReport,
    EndpointDescriber,
    Estimate,
    blip_describer,
    describe,
    estimate,
)
from categoriser.library.library import Library
from categoriser.library.searching import Filter
from categoriser.library.term_asking import TermsEstimate
from categoriser.library.view import View

__all__ = [
    "AddReport",
    "Collection",
    "DescribeReport",
    "Describer",
    "EndpointDescriber",
    "Estimate",
    "Filter",
    "Library",
    "TermsEstimate",
    "View",
    "blip_describer",
    "describe",
    "estimate",
]
