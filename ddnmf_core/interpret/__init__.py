"""What a deep factorisation's parts are, do and are worth; a file a question.

`shapley` shares a reconstruction out among the parts, `faithfulness` tests that share, `causal` asks which clusters a
part makes, `robustness` what noise does to it, `stability` whether another seed finds it again, `quality` how much of a
part it is, `survey` how many parts there should be. Formulas are pure functions of arrays.
"""
