"""
Runs that are kept
==================

What is trained through the store (by the dashboard, by ``ddnmf train``, or here) is found again: with its settings, its losses,
its codes and its scores. The same settings are never trained twice.
"""

# %%
# Train one
# ---------
# A configuration says all that matters for the result; its hash is the run's id. ``perform`` is what a worker of the engine
# does.

from ddnmf_core.config import RunConfig
from ddnmf_core.runs import Store
from ddnmf_core.tasks import perform

store = Store()
config = RunConfig(dataset="digits", layers=(64, 8), n_parts=8, epochs=15, batch_size=64, seed=1)
run = store.create(config)
perform(str(store.root), run.kind, run.id)
run.id, run.state.status

# %%
# List and load
# -------------
# Two lines, also tomorrow and from another program:

from ddnmf_core.train_task import load_model

run = store.entries()[0]
model = load_model(run)

# %%
# What is in it
# -------------

import pandas as pd

pd.DataFrame(run.epochs())[["epoch", "L_sym", "L_ap", "L_nc", "L_in"]].tail(3).round(4)

# %%
# Clusters of the codes against the classes (equations 17 to 19), once a representation and a method:

from ddnmf_core.entries import SCORES

pd.DataFrame(run.read_json(SCORES)).round(3)

# %%
# Codes of all images, as arrays:

from ddnmf_core.entries import CODES

{name: array.shape for name, array in run.read_tensors(CODES).items()}
