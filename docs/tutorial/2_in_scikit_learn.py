"""
With scikit-learn
=================

``DDNMF`` passes scikit-learn's estimator checks, so it works wherever a transformer does. It takes any table without negative
values: here 13 measurements of wines.
"""

# %%
# In a pipeline
# -------------
# ``MinMaxScaler`` brings columns with different units to one scale. ``set_output`` makes the pipeline return a data frame.

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
# Composition of the parts
# ------------------------
# A sample is the sum of the parts, ``components_``, each weighted by its coefficient; all are at least 0. ``parts()`` has their
# effects by name: the change of a feature when the coefficient rises from its 5 % to its 95 % quantile.

import matplotlib.pyplot as plt

model = pipeline[-1]
parts = model.parts().frame()
figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
image = axis.imshow(parts, cmap="Blues", vmin=0, aspect="auto")
axis.set_xticks(range(parts.shape[1]), parts.columns, rotation=45, ha="right")
axis.set_yticks(range(parts.shape[0]), parts.index)
figure.colorbar(image)
parts.T.round(2)

# %%
# ``parts`` shows the strongest features of each part; ``top_features`` returns those of one.

model.parts()

# %%
# Clusters
# --------
# K-means on the codes, scored against the three cultivars (equations 17 to 19).

from ddnmf_core.analysis.metrics import scores

X = MinMaxScaler().fit_transform(wine.data)
clusters = DDNMF(n_components=4, n_clusters=3, epochs=60, **small).fit_predict(X)
scores(wine.target, clusters)

# %%
# Choosing the number of parts
# ----------------------------
# ``score`` is the negative mean squared error of the student's reconstruction, so that a grid search needs no labels.

import pandas as pd
from sklearn.model_selection import GridSearchCV

search = GridSearchCV(DDNMF(epochs=20, **small), {"n_components": [2, 4, 6]}, cv=3)
search.fit(X)
results = pd.DataFrame(search.cv_results_)
results[["param_n_components", "mean_test_score", "std_test_score"]].round(5)
