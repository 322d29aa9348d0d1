"""A row for each image of a run and each way it was seen: number, class, codes, clusters, error."""

from typing import TYPE_CHECKING, Any

from ddnmf_core.store.entry import CLUSTERS, CODES, Entry

if TYPE_CHECKING:
    import pandas as pd

SEEN = ("clean", "noisy")


def rows(run: Entry, images: Any) -> "pd.DataFrame":
    """The clean images, then the noisy ones. Samples and labels count from 0, units (z_1), parts (H_1) and clusters from 1,
    as the pages number them; `error` is the mean squared difference of the reconstruction from the clean image."""
    import pandas as pd
    codes, clusters = run.read_tensors(CODES), run.read_table(CLUSTERS)
    return pd.concat([_seen(seen, images, codes, clusters, run.config.representations) for seen in SEEN], ignore_index=True)


def _seen(seen: str, images: Any, codes: dict[str, Any], clusters: "pd.DataFrame", names: tuple[str, ...]) -> "pd.DataFrame":
    import pandas as pd
    of_codes = [pd.DataFrame(code := codes[f"{seen}/{name}"], columns=[f"{name}_{k + 1}" for k in range(code.shape[1])])
                for name in names]
    of_clusters = pd.DataFrame({f"cluster_{column.removeprefix(seen + '/').replace('/', '_')}": clusters[column] + 1
                                for column in clusters if column.startswith(f"{seen}/")})
    first = pd.DataFrame({"sample": range(len(images)), "input": seen, "label": images.labels,
                          "class": [images.class_names[label] for label in images.labels]})
    return pd.concat([first, *of_codes, of_clusters, pd.DataFrame({"error": codes[f"{seen}/error"]})], axis=1)


def images_of(run: Entry) -> Any:
    """The data set that the run was trained on."""
    from ddnmf_core.data.catalogue import load
    return load(run.config.dataset, run.config.n_samples)
