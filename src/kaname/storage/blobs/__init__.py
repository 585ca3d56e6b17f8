"""Blobs: content-addressed bytes on disk or in an S3-compatible store."""
