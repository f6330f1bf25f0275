"""The arithmetic behind the benchmarks."""
