"""The command line `ddnmf`: a file for each group of commands, a thin layer over store and engine."""
