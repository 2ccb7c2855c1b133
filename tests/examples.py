"""How many examples Hypothesis tries: all of them in ``make test-all``, a quarter of them in ``make test``."""

from __future__ import annotations

from hypothesis import settings

WHOLE = 100  # of a test that says nothing else


def examples(whole: int) -> int:
    """Of a test that tries so many in ``make test-all``."""
    return max(1, whole * settings().max_examples // WHOLE)
