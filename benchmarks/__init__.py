"""Measurements behind the numbers in README.md beside this file; ``python -m benchmarks`` makes them all."""
