"""A finished run in the formats of other tools: one module a format, found by its name in `formats.FORMATS`.

Everything is written on this machine and nothing is sent. `write.export` is the one way in.
"""
