"""
First parts
===========

Train a small network on 2,000 digits and look at its parts.
"""

# %%
# The images
# ----------
# The package includes 10,000 digits of MNIST; we load 2,000. Each row of ``X`` is an image with pixels from 0 to 1.

from ddnmf_core import DDNMF, load

images = load("mnist-10k", 2000)
X = images.scaled()
X.shape, X.min(), X.max()

# %%
# A model
# -------
# ``layers`` are the widths of the encoder's layers, the last one of the code; ``n_components`` is the number of parts. The
# student sees noisy images (standard deviation .4) and learns to match the features of a supervisor that sees clean ones.

model = DDNMF(n_components=10, layers=(256, 10), noise_level=0.4, epochs=30, batch_size=64, random_state=1)
model.fit(X)

# %%
# ``transform`` returns the coefficients of the parts, between 0 and 1: a row for each image.

H = model.transform(X)
print(H.shape)
H[:3].round(2)

# %%
# The parts
# ---------
# The effect of each part over its 5-95 % range: red pixels get brighter as the coefficient rises, blue ones darker.

figure = model.plot((28, 28))

# %%
# In the paper's form a part brightens some pixels and darkens others. With the preset *parts* it only brightens:

from ddnmf_core.config import PRESETS

settings = PRESETS["parts"] | {"layers": (256, 10), "epochs": 30, "batch_size": 64}
additive = DDNMF(n_components=10, random_state=1, **settings).fit(X)
figure = additive.plot((28, 28))

# %%
# Does a part belong to one class? ``purity`` is the largest share of a part's activation in one class; it is .1 for a part
# that is equally active in all ten. Training used no labels.

from ddnmf_core.interpret.quality import class_mass, purity

for name, estimator in (("paper", model), ("parts", additive)):
    mass = class_mass(estimator.transform(X), images.labels, 10)
    print(f"{name:6} mean purity {purity(mass).mean():.2f}, purest part {purity(mass).max():.2f}")

# %%
# One image
# ---------
# In a notebook, parts and one image's equation show themselves as the value of a cell. Where parts only add, the image is a sum
# of coefficients times parts:

additive.equation(X[0], (28, 28))

# %%
# From coefficients to images
# ---------------------------
# Coefficients can be edited before decoding: here the largest coefficient of the first image is set to 0.

import matplotlib.pyplot as plt

H = additive.transform(X[:1])
without = H.copy()
without[0, H[0].argmax()] = 0
figure, axes = plt.subplots(1, 3, figsize=(6, 2.2), layout="constrained")
pictures = {
    "image": X[:1],
    "reconstruction": additive.inverse_transform(H),
    f"without part {H[0].argmax() + 1}": additive.inverse_transform(without),
}
for axis, (title, row) in zip(axes, pictures.items(), strict=True):
    axis.imshow(row.reshape(28, 28), cmap="gray", vmin=0, vmax=1)
    axis.set(title=title, xticks=[], yticks=[])

# %%
# One run proves little. ``ddnmf reproduce parts`` repeats the comparison over several seeds on all 70,000 images; the README
# has the table.
