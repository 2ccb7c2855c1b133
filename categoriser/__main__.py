"""``python -m categoriser``."""

from categoriser.cli import main

main()
