"""``python -m benchmarks [name …]``: runs each benchmark in a process of its own and prints its rows as Markdown."""

from __future__ import annotations

import subprocess
import sys

NAMES = ("vectors", "search", "relevance", "pictures", "grouping", "runs", "views", "fast_views", "http")


def main() -> None:
    """Run those named, or all."""
    print("| what | bar | measured |\n|---|---|---|", flush=True)
    failed = [
        name
        for name in sys.argv[1:] or NAMES
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
    ]
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
