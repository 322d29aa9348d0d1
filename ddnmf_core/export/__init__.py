"""Export of finished runs to other tools: one module per format, listed in `formats.EXPORT_FORMATS`.

`write.export` is the entry point. Everything stays on this machine.
"""
