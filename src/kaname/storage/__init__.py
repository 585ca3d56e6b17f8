"""Engines under every slice: SQL, columns, journal, blobs and crypto. Knows nothing of the domain."""
