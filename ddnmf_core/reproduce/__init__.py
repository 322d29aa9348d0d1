"""Reproduction of the paper's tables and figures over several seeds.

`protocol` fixes the settings in advance, `cells` turns them into configurations, `results` stores and summarises the scores,
`tables` and `figures` draw them, `claims` counts what they support, `check` recomputes one published cell.
"""
