"""The grouping engine: numpy in, numpy out."""

from categoriser.engine.calibrate import UNCALIBRATED, Calibration
from categoriser.engine.grouped import Grouped
from categoriser.engine.grouping import Grouping, Seen
from categoriser.engine.micros import UNSORTED
from categoriser.engine.neighbours import NOBODY
from categoriser.engine.parameters import DIAL, Parameters
from categoriser.engine.proposing import Proposal
from categoriser.engine.rows import MemoryRows, Rows
from categoriser.engine.rules import Rules

__all__ = [
    "DIAL",
    "NOBODY",
    "UNCALIBRATED",
    "UNSORTED",
    "Calibration",
    "Grouped",
    "Grouping",
    "MemoryRows",
    "Parameters",
    "Proposal",
    "Rows",
    "Rules",
    "Seen",
]
