"""Interpretation of the parts of a deep factorisation; one module for each question.

`shapley` computes each part's contribution to a reconstruction, `faithfulness` tests these contributions, `causal` measures
the effect of parts on clusters, `stability` compares parts over seeds, `quality` has sparsity, redundancy, purity and
robustness to noise, `lifetimes` follows parts over a training, `rank_survey` compares numbers of parts. Formulas are pure
functions of arrays; `factorisation` and `part_evaluation` apply them to a model and its images.
"""
