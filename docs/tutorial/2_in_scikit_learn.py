"""
Among scikit-learn's
====================

``DDNMF`` passes scikit-learn's own checks of estimators, so it can stand wherever a transformer stands. And it takes any table
without negative values: here 13 measurements of wines.
"""

# %%
# In a pipeline
# -------------
# Columns of different units are brought to one scale first. With ``set_output`` a frame comes out.

from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from ddnmf_core import DDNMF

wine = load_wine(as_frame=True)
small = {"layers": (32, 6), "noise_level": 0.2, "batch_size": 32, "random_state": 1}
pipeline = make_pipeline(MinMaxScaler(), DDNMF(n_components=4, epochs=60, **small))
pipeline.set_output(transform="pandas")
pipeline.fit_transform(wine.data).head().round(3)

# %%
# What the parts are made of
# --------------------------
# ``components_`` has a row for each part and a column for each feature: by how much a high coefficient raises it.

import matplotlib.pyplot as plt
import pandas as pd

model = pipeline[-1]
parts = pd.DataFrame(model.components_, pipeline.get_feature_names_out(), model.feature_names_in_)
top = parts.abs().max(axis=None)
figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
shown = axis.imshow(parts, cmap="RdBu_r", vmin=-top, vmax=top, aspect="auto")
axis.set_xticks(range(parts.shape[1]), parts.columns, rotation=45, ha="right")
axis.set_yticks(range(parts.shape[0]), parts.index)
figure.colorbar(shown)
parts.T.round(2)

# %%
# Clusters
# --------
# K-means on the codes, held against the three growers (equations 17 to 19).

from ddnmf_core.analysis.metrics import scores

X = MinMaxScaler().fit_transform(wine.data)
clusters = DDNMF(n_components=4, n_clusters=3, epochs=60, **small).fit_predict(X)
scores(wine.target, clusters)

# %%
# Choosing the number of parts
# ----------------------------
# ``score`` is the negative error of the student's reconstruction, so a grid search needs no labels.

from sklearn.model_selection import GridSearchCV

search = GridSearchCV(DDNMF(epochs=20, **small), {"n_components": [2, 4, 6]}, cv=3)
search.fit(X)
results = pd.DataFrame(search.cv_results_)
results[["param_n_components", "mean_test_score", "std_test_score"]].round(5)
