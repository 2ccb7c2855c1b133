"""What is kept between calls: the library's folder, engine states in memory, and delivery to the vector stores."""

from categoriser.state.engine_state import EngineState, store_micro
from categoriser.state.positions import Positions
from categoriser.state.standing import Standing
from categoriser.state.storage import Storage

__all__ = ["EngineState", "Positions", "Standing", "Storage", "store_micro"]
