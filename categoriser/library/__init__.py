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
from categoriser.library.filters import Filter
from categoriser.library.finding import FoundGroup, SearchPage
from categoriser.library.library import Library
from categoriser.library.query import Clue, SearchQuery
from categoriser.library.term_asking import TermsEstimate
from categoriser.library.view import View

__all__ = [
    "AddReport",
    "Clue",
    "Collection",
    "DescribeReport",
    "Describer",
    "EndpointDescriber",
    "Estimate",
    "Filter",
    "FoundGroup",
    "Library",
    "SearchPage",
    "SearchQuery",
    "TermsEstimate",
    "View",
    "blip_describer",
    "describe",
    "estimate",
]
