"""Read HDF5 files: arrays of any program, MATLAB's version 7.3, AnnData. The library runs in a process of its own."""
