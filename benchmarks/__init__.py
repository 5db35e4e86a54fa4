"""What measures speed; each module runs alone, as ``python -m benchmarks.hops``."""
