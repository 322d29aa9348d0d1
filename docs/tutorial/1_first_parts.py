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
# ``transform`` returns the coefficients of the parts, at least 0: a row for each image.

H = model.transform(X)
print(H.shape)
H[:3].round(2)

# %%
# The parts
# ---------
# An image is the sum of its parts, each weighted by its coefficient: ``H @ model.components_`` is the reconstruction, as in
# scikit-learn's NMF.

figure = model.plot((28, 28))

# %%
# In the paper the factorisation stands at the code, between encoder and decoder. What a part does there is an effect: red
# pixels get brighter as its coefficient rises from its 5 % to its 95 % quantile, blue ones darker.

settings = {"layers": (256, 10), "epochs": 30, "batch_size": 64}
at_code = DDNMF(n_components=10, nmf_at="code", random_state=1, **settings).fit(X)
figure = at_code.plot((28, 28))

# %%
# Does a part belong to one class? ``purity`` is the largest share of a part's activation in one class; it is .1 for a part
# that is equally active in all ten. Training used no labels.

from ddnmf_core.interpret.quality import class_mass, purity

for name, estimator in (("at the pixels", model), ("at the code", at_code)):
    mass = class_mass(estimator.transform(X), images.labels, 10)
    print(f"{name:13} mean purity {purity(mass).mean():.2f}, purest part {purity(mass).max():.2f}")

# %%
# One image
# ---------
# In a notebook, parts and one image's equation show themselves as the value of a cell. Where parts only add, the image is a sum
# of coefficients times parts:

model.equation(X[0], (28, 28))

# %%
# From coefficients to images
# ---------------------------
# Coefficients can be edited before decoding: here the largest coefficient of the first image is set to 0.

import matplotlib.pyplot as plt

H = model.transform(X[:1])
without = H.copy()
without[0, H[0].argmax()] = 0
figure, axes = plt.subplots(1, 3, figsize=(6, 2.2), layout="constrained")
pictures = {
    "image": X[:1],
    "reconstruction": model.inverse_transform(H),
    f"without part {H[0].argmax() + 1}": model.inverse_transform(without),
}
for axis, (title, row) in zip(axes, pictures.items(), strict=True):
    axis.imshow(row.reshape(28, 28), cmap="gray", vmin=0, vmax=1)
    axis.set(title=title, xticks=[], yticks=[])

# %%
# One run proves little. ``ddnmf reproduce parts`` repeats the comparison over several seeds on all 70,000 images; the README
# has the table.
