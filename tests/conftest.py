"""For all tests."""

import os
import sys

# the tests run side by side: threads of matrix products that wait for each other, spinning, only take from the others
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings

settings.register_profile("patient", deadline=None)  # how long an example takes says more about the machine
settings.load_profile("patient")

# dozens of processes start here: without what was compiled, each would compile the whole program
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
