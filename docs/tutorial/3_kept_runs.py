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

from ddnmf_core import RunConfig, Store
from ddnmf_core.engine.worker.tasks import perform

store = Store()
config = RunConfig(dataset="mnist-10k", n_samples=2000, layers=(256, 10), n_parts=10, epochs=30, batch_size=64, seed=1)
entry = store.create(config)
perform(str(store.root), entry.kind, entry.id)
entry.id, entry.state.status

# %%
# List and load
# -------------
# Two lines, also tomorrow and from another program:

run = store.run(entry.id)
model = run.model()

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

kept = pd.DataFrame(
    [{"representation": row.representation, "clusterer": row.clusterer, **row.values} for row in run.scores() if not row.noisy]
)
kept.round(3)

# %%
# Codes of all images, as arrays:

for name in config.representations:
    print(f"{name:6} {run.codes(name).shape}")

# %%
# Clustered and scored
# --------------------
# Whatever can be clustered can be scored in the same way: here a mixture on the codes of the noisy images.

from ddnmf_core.analysis.clustering import cluster
from ddnmf_core.analysis.metrics import scores

labels = run.images().labels
scores(labels, cluster(run.codes("z", noisy=True), "gmm", n_clusters=10, seed=1))
