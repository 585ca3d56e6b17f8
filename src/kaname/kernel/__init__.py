"""The kernel: errors, settings, registry, ids, clock, paging, money, text. It imports nothing else of ours."""
