"""
Contributions of parts to an image
==================================

How much does each part contribute to a reconstruction? Decoding parts one at a time gives no answer: the decoder is not linear,
and parts interact. Shapley values split the picture into contributions with the exact sum.
"""

# %%
# A model
# -------
# The settings are those of the previous page, so the stored run is loaded instead of trained again.

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
# The players are the ten parts. The value of a coalition is a decoded picture: members have the sample's coefficients, all
# other parts those of the baseline, here the mean over the data. All 1,024 coalitions are decoded.

from ddnmf_core.interpret.shapley import additivity_gap, shapley

with torch.no_grad():
    H = student.encode(torch.from_numpy(images.scaled())).H
    baseline = H.mean(dim=0)
    contributions = shapley(student.decode, H[0], baseline)

# %%
# Baseline and contributions sum to the reconstruction; the largest difference of a pixel is the rounding error:

contributions.completeness_error

# %%
# The sum of singly decoded parts does not. Its distance from the reconstruction, relative to the norm of the latter:

with torch.no_grad():
    gap = additivity_gap(student.decode, H[0], baseline)
gap

# %%
# The contributions
# -----------------
# Red: the part brightens the pixel; blue: it darkens it. Parts are sorted by the sum of absolute values.

import matplotlib.pyplot as plt

order = contributions.strength.argsort(descending=True)
limit = float(contributions.values.abs().max())
figure, axes = plt.subplots(2, 6, figsize=(9, 3.4), layout="constrained")
axes[0, 0].imshow(contributions.baseline.reshape(28, 28), cmap="gray", vmin=0, vmax=1)
axes[0, 0].set_title("baseline")
for axis, part in zip(axes.flat[1:11], order.tolist(), strict=True):
    axis.imshow(contributions.values[part].reshape(28, 28), cmap="RdBu_r", vmin=-limit, vmax=limit)
    axis.set_title(f"part {part + 1}")
axes[1, 5].imshow(contributions.reconstruction.reshape(28, 28), cmap="gray", vmin=0, vmax=1)
axes[1, 5].set_title("sum")
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
