"""DDNMF: a supervisor autoencoder teaches a student that factorises its code into parts.

Chen, Jin, Liu and Zhang (2021), "A Deep Non-negative Matrix Factorization Model for Big Data
Representation Learning", Frontiers in Neurorobotics 15:701194, doi 10.3389/fnbot.2021.701194.
Equation numbers anywhere in this package are those of that paper.
"""

__version__ = "0.1.0"
