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
from ddnmf_core.engine.worker.tasks import perform
from ddnmf_core.store.run_store import Store

store = Store()
config = RunConfig(dataset="mnist-10k", n_samples=2000, layers=(256, 10), n_parts=10,
                   epochs=30, batch_size=64, seed=1)
run = store.create(config)
perform(str(store.root), run.kind, run.id)
run.id, run.state.status

# %%
# List and load
# -------------
# Two lines, also tomorrow and from another program:

from ddnmf_core.engine.worker.train import load_model

run = store.entries()[0]
model = load_model(run)

# %%
# What is in it
# -------------

import matplotlib.pyplot as plt
import pandas as pd

history = pd.DataFrame(run.epochs()).set_index("epoch")
figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
axis.semilogy(history[["L_sym", "L_ap", "L_nc"]], label=["L_sym", "L_ap", "L_nc"])
axis.set(xlabel="epoch", ylabel="loss, before its weight")
legend = axis.legend()

# %%
# Clusters of the codes against the classes (equations 17 to 19), once a representation and a method:

from ddnmf_core.store.entry import SCORES

kept = pd.DataFrame(run.read_json(SCORES))
kept[kept["input"] == "clean"].round(3)

# %%
# Codes of all images, as arrays:

from ddnmf_core.store.entry import CODES

codes = run.read_tensors(CODES)
for name, array in codes.items():
    print(f"{name:12} {array.shape}")

# %%
# Clustered and scored
# --------------------
# Whatever can be clustered can be scored in the same way: here a mixture on the codes of the noisy images.

from ddnmf_core.analysis.clustering import cluster
from ddnmf_core.analysis.metrics import scores
from ddnmf_core.data.catalogue import load

labels = load(config.dataset, config.n_samples).labels
scores(labels, cluster(codes["noisy/z"], "gmm", n_clusters=10, seed=1))
