"""Benchmarks: us and the peers in one run, interleaved; started by ``./build.sh bench``."""
