"""The run store: one checksummed folder per configuration; deletion and restore, verification and repair, archives."""
