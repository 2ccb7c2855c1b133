"""When positions of deleted images are closed up: as in the program, and so often that every test meets it."""

from __future__ import annotations

from categoriser.state import engine_state

really = engine_state.worth_closing


def often(gone: int, _present: int, _micros: int) -> bool:
    """As soon as there are three."""
    return gone > 2
