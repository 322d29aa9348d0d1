"""
Stored runs
===========

The store keeps every run trained by the dashboard, by ``ddnmf train`` or by code like this, with its settings, losses, codes
and scores. Equal settings are trained only once.
"""

# %%
# Train a run
# -----------
# A configuration holds all settings that affect the result; its hash is the run's id. ``perform`` does the work of one of the
# engine's workers.

from ddnmf_core import RunConfig, Store
from ddnmf_core.engine.worker.tasks import perform

store = Store()
config = RunConfig(dataset="mnist-10k", n_samples=2000, layers=(256, 10), n_parts=10, epochs=30, batch_size=64, seed=1)
entry = store.create(config)
perform(str(store.root), entry.kind, entry.id)
entry.id, entry.state.status

# %%
# Load it
# -------
# Two lines load the run, also later and from another program:

run = store.run(entry.id)
model = run.model()

# %%
# As the value of a cell a run shows its name, the settings that differ from the defaults, and its scores; so do its parts and
# the equation of a sample.

run

# %%

run.parts()

# %%

run.equation(7)

# %%
# Losses
# ------
# ``epochs`` returns a row of losses and unit statistics for each epoch.

import matplotlib.pyplot as plt
import pandas as pd

history = pd.DataFrame(run.epochs()).set_index("epoch")
figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
axis.semilogy(history[["L_sym", "L_ap", "L_nc"]], label=["L_sym", "L_ap", "L_nc"])
axis.set(xlabel="epoch", ylabel="loss, before its weight")
legend = axis.legend()

# %%
# Scores of the clusters against the classes (equations 17 to 19), for each representation and clustering method:

table = pd.DataFrame(
    [{"representation": row.representation, "clusterer": row.clusterer, **row.values} for row in run.scores() if not row.noisy]
)
table.round(3)

# %%
# Codes of all images are arrays:

for name in config.representations:
    print(f"{name:6} {run.codes(name).shape}")

# %%
# Cluster and score
# -----------------
# ``cluster`` and ``scores`` accept any representation: here a Gaussian mixture on the codes of the noisy images.

from ddnmf_core.analysis.clustering import cluster
from ddnmf_core.analysis.metrics import scores

labels = run.images().labels
scores(labels, cluster(run.codes("z", noisy=True), "gmm", n_clusters=10, seed=1))
