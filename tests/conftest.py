"""For all tests."""

import os
import signal
import sys

# in the background of a shell Ctrl-C is ignored, by everything started from there as well: some tests press it
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# the tests run side by side: threads of matrix products that wait for each other, spinning, only take from the others
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import sqlalchemy as sa
from hypothesis import settings

from categoriser.catalog import collections, tables
from categoriser.state import engine_state
from tests import closing
from tests.examples import WHOLE

# no deadline: how long an example takes says more about the machine
settings.register_profile("thorough", deadline=None, max_examples=WHOLE)
settings.register_profile("ordinary", deadline=None, max_examples=WHOLE // 4)
settings.load_profile("ordinary")  # `make test-all` chooses the other one

# they start whole programs and take longest; begun last, one of them would keep the others waiting
LONGEST = ("demo", "server")

# what is rare otherwise happens all the time here (not in programs that tests start): rows are never positions, as a
# collection numbers its images from 1009 on; and positions of deleted images are closed up as soon as there are three
tables.collections.c.next_row.default = sa.ColumnDefault(1009)
collections._NOTHING = "1009/1/0"
engine_state.worth_closing = closing.often

# dozens of processes start here: without what was compiled, each would compile the whole program
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first."""
    items.sort(key=lambda one: one.path.parent.name not in LONGEST)
