"""Benchmarks: ratios against the bare libraries in the same run. Tests do not assert them."""
