"""Draw the parts of an estimator."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_components(components: NDArray[np.floating], image_shape: tuple[int, int] | None) -> "Figure":
    """Draw parts (r, d) as images, or as bars without a shape; positive entries in red, negative ones in blue."""
    import matplotlib.pyplot as plt

    n_parts, n_features = components.shape
    n_columns = min(5, n_parts)
    n_rows = -(-n_parts // n_columns)
    with plt.ioff():  # no window for a figure that is returned
        figure, axes = plt.subplots(
            n_rows, n_columns, figsize=(1.8 * n_columns, 1.9 * n_rows), squeeze=False, layout="constrained"
        )
        plt.close(figure)  # pyplot would show it a second time
    top = float(np.abs(components).max()) or 1.0
    for part, axis in enumerate(axes.flat):
        axis.set_axis_off()
        if part < n_parts:
            axis.set_title(f"part {part + 1}", fontsize=9)
            if image_shape is None:
                axis.bar(range(n_features), components[part])
            else:
                axis.imshow(components[part].reshape(image_shape), cmap="RdBu_r", vmin=-top, vmax=top)
    return figure
