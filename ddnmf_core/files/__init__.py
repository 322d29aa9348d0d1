"""Bytes on disk: atomic writes, checksums, memory-mapped arrays, the store's home."""
