"""The paper's tables and figures again, over seeds: the protocol, its cells, the work, and what came out.

`protocol` fixes what is run before it is run, `cells` spells it out as configurations, `work` has the engine do
them, `results` keeps and summarises the scores, `tables` and `figures` draw them, `check` recomputes one.
"""
