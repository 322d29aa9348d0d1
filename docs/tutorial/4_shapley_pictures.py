"""
One image, shared out among its parts
=====================================

How much of a reconstruction is due to each part? Decoding a part alone does not answer it: the decoder is not linear, and parts
act together. Shapley values share the picture out so that it adds up exactly.
"""

# %%
# A model
# -------
# The settings are those of the page before. So nothing is trained here: the run is found.

import torch

from ddnmf_core import RunConfig, Store
from ddnmf_core.engine.worker.tasks import perform

store = Store()
entry = store.create(
    RunConfig(dataset="mnist-10k", n_samples=2000, layers=(256, 10), n_parts=10, epochs=30, batch_size=64, seed=1)
)
perform(str(store.root), entry.kind, entry.id)
run = store.run(entry.id)
student, images = run.ddnmf().student, run.images()

# %%
# The game
# --------
# Players are the ten parts. A coalition is worth the picture that the decoder makes when its members have their own
# coefficients and all others those of the baseline, here the mean over the data. All 1,024 coalitions are decoded.

from ddnmf_core.interpret.shapley import additivity_gap, shapley

with torch.no_grad():
    H = student.encode(torch.from_numpy(images.scaled())).H
    baseline = H.mean(dim=0)
    shared = shapley(student.decode, H[0], baseline)

# %%
# Baseline and contributions add up to the reconstruction; the largest pixel by which they miss it:

shared.completeness_error

# %%
# The plain sum of singly decoded parts does not add up. By how much it misses the change that all make together:

with torch.no_grad():
    gap = additivity_gap(student.decode, H[0], baseline)
gap

# %%
# The pictures
# ------------

import matplotlib.pyplot as plt

order = shared.strength.argsort(descending=True)
limit = float(shared.values.abs().max())
figure, axes = plt.subplots(2, 6, figsize=(9, 3.4), layout="constrained")
axes[0, 0].imshow(shared.baseline.reshape(28, 28), cmap="gray", vmin=0, vmax=1)
axes[0, 0].set_title("baseline")
for axis, part in zip(axes.flat[1:11], order.tolist(), strict=True):
    axis.imshow(shared.values[part].reshape(28, 28), cmap="RdBu_r", vmin=-limit, vmax=limit)
    axis.set_title(f"part {part + 1}")
axes[1, 5].imshow(shared.reconstruction.reshape(28, 28), cmap="gray", vmin=0, vmax=1)
axes[1, 5].set_title("their sum")
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
