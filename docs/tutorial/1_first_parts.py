"""
First parts
===========

A few thousand digits, a small network, and the parts that it finds.
"""

# %%
# The images
# ----------
# 10,000 digits of MNIST come with the package. A row of ``X`` is an image, its pixels from 0 to 1.

from ddnmf_core import DDNMF, load

images = load("mnist-10k", 2000)
X = images.scaled()
X.shape, X.min(), X.max()

# %%
# A model
# -------
# ``layers`` are the widths of the encoder, the last one that of the code; ``n_components`` is the number of parts. The student
# sees every image with 40 % noise and learns to agree with a supervisor that sees it clean.

model = DDNMF(n_components=10, layers=(256, 10), noise_level=0.4, epochs=30, batch_size=64, random_state=1)
model.fit(X)

# %%
# The coefficients of the parts, one row an image, are between 0 and 1.

H = model.transform(X)
print(H.shape)
H[:3].round(2)

# %%
# The parts
# ---------
# What a part does over the range that it really takes: red is ink that a high coefficient adds, blue ink that it takes away.

figure = model.plot((28, 28))

# %%
# In the paper's own form a part adds here and takes away there. The preset *parts* lets a part only add:

from ddnmf_core.config import PRESETS

settings = PRESETS["parts"] | {"layers": (256, 10), "epochs": 30, "batch_size": 64}
additive = DDNMF(n_components=10, random_state=1, **settings).fit(X)
figure = additive.plot((28, 28))

# %%
# Does a part belong to one class? ``purity`` is the largest share of a part's activation that one digit has; .1 would be
# a part that all ten share alike. No class was seen in training.

from ddnmf_core.interpret.quality import class_mass, purity

for name, each in (("paper", model), ("parts", additive)):
    mass = class_mass(each.transform(X), images.labels, 10)
    print(f"{name:6} mean purity {purity(mass).mean():.2f}, purest part {purity(mass).max():.2f}")

# %%
# Back to pictures
# ----------------
# Coefficients can be changed before they are decoded: here the largest one of the first image is set to 0.

import matplotlib.pyplot as plt

H = additive.transform(X[:1])
without = H.copy()
without[0, H[0].argmax()] = 0
figure, axes = plt.subplots(1, 3, figsize=(6, 2.2), layout="constrained")
pictures = {
    "image": X[:1],
    "rebuilt": additive.inverse_transform(H),
    f"without part {H[0].argmax() + 1}": additive.inverse_transform(without),
}
for axis, (title, row) in zip(axes, pictures.items(), strict=True):
    axis.imshow(row.reshape(28, 28), cmap="gray", vmin=0, vmax=1)
    axis.set(title=title, xticks=[], yticks=[])

# %%
# How much of this is chance? ``ddnmf reproduce parts`` answers it over seeds and on all 70,000 images; the
# README has the table.
