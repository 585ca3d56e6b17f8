"""Benchmarks: `./dev bench [name …]`. They print ratios against a peer or a floor measured in the same run."""
