"""Fills a library until it is done or killed, and says on stdout what was accepted: killed.py MODE LIBRARY SOURCE."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from categoriser import Library
from categoriser.intake import Item


def main(mode: str, folder: str, source: str) -> None:
    """One of the ways in."""
    encoder = "vectors:16" if mode == "vectors" else "classic"
    with Library.open(folder, encoder=encoder, batch_size=8) as library:
        collection = library.collection("killed")
        if mode == "folder":
            say("go")
            collection.add(source)
        elif mode == "vectors":
            vectors = np.load(source)
            say("go")
            for start in range(0, len(vectors), 37):
                part = vectors[start : start + 37]
                for answer in collection.add_vectors([f"v{start + i}" for i in range(len(part))], part):
                    say(f"accepted {answer.image_id}")
                if start % 111 == 0:
                    collection.run()
        else:
            say("go")
            for path in sorted(Path(source).iterdir()):
                library.pipeline.submit(
                    collection.row,
                    Item(path.name, data=path.read_bytes(), metadata={"file": path.name}),
                    accepted=lambda image_id: say(f"accepted {image_id}"),
                )
    say("done")


def say(line: str) -> None:
    """One write per line, so that lines of several threads do not mix."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
