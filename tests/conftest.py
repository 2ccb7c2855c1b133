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
from hypothesis import settings

from tests.examples import WHOLE

# no deadline: how long an example takes says more about the machine
settings.register_profile("thorough", deadline=None, max_examples=WHOLE)
settings.register_profile("ordinary", deadline=None, max_examples=WHOLE // 4)
settings.load_profile("ordinary")  # `make test-all` chooses the other one

# they start whole programs and take longest; begun last, one of them would keep the others waiting
LONGEST = ("demo", "server")

# dozens of processes start here: without what was compiled, each would compile the whole program
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first."""
    items.sort(key=lambda one: one.path.parent.name not in LONGEST)
