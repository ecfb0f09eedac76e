"""The figures of docs/performance.md: each is made beside its peer, in one run, on one machine."""
