"""``python -m benchmarks.quality [set …]``: the table of sets and bars, with other methods, as JSON and as a page."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from benchmarks.quality.bars import Check, checks
from benchmarks.quality.peers import K_MEANS, PEERS, UMAP_HDBSCAN, Peer, compare
from benchmarks.quality.sets import CASES, Case
from categoriser.errors import MissingExtraError
from categoriser.evaluation import MEASURES, Arrival, Evaluation, Plan, Subject, Table, evaluate_subject, write_page
from categoriser.evaluation.orders import arrival_order

_ORDERS = 3
_COLUMNS = (
    *("set", "images#", "classes#", "ARI#", "NMI#", "ACC#", "ACC at arrival#", "categories#", "Unsorted#"),
    "Unsorted at arrival#",
    *("churn#", "order ARI#", "k-means#", "UMAP#", "best other", "s#", "bars"),
)


def main() -> None:
    """Run the sets named, or all."""
    wanted = _arguments()
    results: list[tuple[Case, Evaluation, list[Check]]] = []
    skipped: list[str] = []
    ari_of: dict[str, float] = {}
    print(f"| {' | '.join(column.removesuffix('#') for column in _COLUMNS)} |", flush=True)
    print("|" + "---|" * len(_COLUMNS), flush=True)
    for case in CASES:
        if (wanted.set and case.key not in wanted.set) or (wanted.quick and not wanted.set and not case.quick):
            continue
        subjects = case.load()
        if subjects is None:
            skipped.append(f"{case.name}: needs the vectors of ../shared/data/vectors")
            continue
        result = _evaluate(case, subjects, 1 if wanted.quick else _ORDERS)
        peers = compare(_peers(case, wanted), *_first_order(subjects), _tell(case))
        if len(subjects) > 1:
            peers = [replace(peer, note=f"{peer.note}; only {subjects[0].name}".removeprefix("; ")) for peer in peers]
        result = replace(result, peers=peers)
        ari_of[case.key] = result.mean("ari") or 0.0
        results.append((case, result, checks(case.bars, result, ari_of)))
        _clear()
        print(f"| {' | '.join(_text(cell) for cell in _row(*results[-1]))} |", flush=True)
        _write_json(wanted, results)  # after every set, so that what is stopped leaves what it has
    for line in skipped:
        print(f"skipped: {line}")
    _write_page(wanted, results)
    if results and wanted.peers != "none":
        _print_peers(results)
    missed = [(case.name, check) for case, _, found in results for check in found if not check.passed]
    passed = sum(check.passed for _, _, found in results for check in found)
    print(f"\n{passed} bars passed, {len(missed)} missed")
    for name, check in missed:
        print(f"- {name}: {check.what}, measured {check.measured}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("set", nargs="*", help=f"of {', '.join(case.key for case in CASES)}; all when none is named")
    parser.add_argument("--quick", action="store_true", help="one order, few sets, only the two peers that have a bar")
    parser.add_argument("--peers", choices=("all", "bars", "none"), help="which other methods; quick: bars")
    parser.add_argument("--json", type=Path, default=Path("build/quality.json"))
    parser.add_argument("--html", type=Path, default=Path("build/quality.html"))
    wanted = parser.parse_args()
    unknown = set(wanted.set) - {case.key for case in CASES}
    if unknown:
        parser.error(f"there is no set {', '.join(sorted(unknown))}")
    wanted.peers = wanted.peers or ("bars" if wanted.quick else "all")
    return wanted


def _evaluate(case: Case, subjects: Sequence[Subject], orders: int) -> Evaluation:
    """One subject in several orders, or each of several in its own."""
    if len(subjects) == 1:
        return replace(_one(case, subjects[0], Plan(granularity=case.granularity, orders=orders)), name=case.name)
    plan = Plan(granularity=case.granularity, arrival="given")
    each = [_one(case, subject, plan) for subject in subjects[:orders]]
    outcomes = [replace(one.outcomes[0], order=subject.name) for one, subject in zip(each, subjects, strict=False)]
    return replace(each[0], name=case.name, outcomes=outcomes)


def _one(case: Case, subject: Subject, plan: Plan) -> Evaluation:
    _tell(case)("streaming")
    return evaluate_subject(subject, plan)


def _peers(case: Case, wanted: argparse.Namespace) -> Sequence[Peer]:
    if wanted.peers == "none":
        return ()
    return PEERS if wanted.peers == "all" and case.all_peers else (K_MEANS, UMAP_HDBSCAN)


def _first_order(subjects: Sequence[Subject]) -> tuple[np.ndarray, list[str | None]]:
    """Unit vectors and classes as they arrive in our first order, which matters to the methods that look once."""
    vectors, classes = np.asarray(subjects[0].vectors), list(subjects[0].classes or [])
    kind: Arrival = "random" if len(subjects) == 1 else "given"
    order = arrival_order(kind, classes, len(vectors), 0)
    vectors = vectors[order] / np.linalg.norm(vectors[order], axis=1, keepdims=True)
    return vectors.astype(np.float32), [classes[i] for i in order]


def _row(case: Case, result: Evaluation, found: Sequence[Check]) -> list[str | tuple[str, str]]:
    peers = {peer.name: peer for peer in result.peers if peer.ari is not None}
    others = [
        peer for peer in peers.values() if peer.name not in (K_MEANS.name, UMAP_HDBSCAN.name) and not peer.partial
    ]
    best = max(others, key=lambda peer: peer.ari or -1, default=None)
    missed = [check for check in found if not check.passed]

    def text(key: str) -> str:
        return MEASURES[key].text(result.mean(key))

    return [
        case.name,
        f"{result.images:,}",
        str(result.classes),
        text("ari"),
        text("nmi"),
        text("accuracy"),
        text("online_accuracy"),
        text("categories"),
        text("unsorted"),
        text("unsorted_at_arrival"),
        text("churn"),
        "–" if result.order_ari is None else f"{result.order_ari:.2f}",
        _ari(peers.get(K_MEANS.name)),
        _ari(peers.get(UMAP_HDBSCAN.name)),
        "–" if best is None else f"{best.name} {best.ari:.3f}",
        text("seconds"),
        ("; ".join(f"{check.what}: {check.measured}" for check in missed), "miss")
        if missed
        else ("all passed", "pass"),
    ]


def _ari(peer: object) -> str:
    return "–" if peer is None else f"{peer.ari:.3f}"  # type: ignore[attr-defined]


def _text(cell: str | tuple[str, str]) -> str:
    return cell if isinstance(cell, str) else ("MISS " + cell[0] if cell[1] == "miss" else cell[0])


def _print_peers(results: Sequence[tuple[Case, Evaluation, list[Check]]]) -> None:
    """ARI of every method on every set."""
    names = list(dict.fromkeys(peer.name for _, result, _ in results for peer in result.peers))
    print(f"\n| ARI | ours | {' | '.join(names)} |\n" + "|---" * (len(names) + 2) + "|")
    for case, result, _ in results:
        of = {peer.name: peer for peer in result.peers}
        cells = [f"{peer.ari:.3f}" if (peer := of.get(name)) and peer.ari is not None else "–" for name in names]
        print(f"| {case.name} | {result.mean('ari') or 0:.3f} | {' | '.join(cells)} |")
    for reason in dict.fromkeys(
        f"{p.name}: {p.skipped}" for _, result, _ in results for p in result.peers if p.skipped
    ):
        print(f"skipped: {reason}")


def _write_json(wanted: argparse.Namespace, results: Sequence[tuple[Case, Evaluation, list[Check]]]) -> None:
    wanted.json.parent.mkdir(parents=True, exist_ok=True)
    data = [{"set": case.key, **result.as_data(), "bars": found, "at": time.time()} for case, result, found in results]
    wanted.json.write_text(json.dumps(data, default=asdict, indent=1))


def _write_page(wanted: argparse.Namespace, results: Sequence[tuple[Case, Evaluation, list[Check]]]) -> None:
    table = Table("Sets and bars", _COLUMNS, [_row(*one) for one in results], "means over the orders; peers' ARI")
    try:
        write_page(
            wanted.html,
            [result for _, result, _ in results],
            title="How well pictures are grouped",
            lead="Streamed one by one through the real library; the number of categories is unknown and nothing tuned.",
            tables=[table],
        )
    except MissingExtraError as error:
        print(error, file=sys.stderr)


def _tell(case: Case) -> Callable[[str], None]:
    def tell(what: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{case.name}: {what} …", end="", file=sys.stderr, flush=True)

    return tell


def _clear() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
