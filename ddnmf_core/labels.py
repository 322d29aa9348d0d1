"""Display titles of models, scores, clusterers, maps and noises, for pages, reports and tables."""

from ddnmf_core.config import ClustererName, EmbeddingMethod, ModelName, NoiseKind, Representation

MODEL_TITLES: dict[ModelName, str] = {"ddnmf": "DDNMF", "ae1": "AE1", "ae2": "AE2", "dae": "DAE"}
REPRESENTATION_TITLES: dict[Representation, str] = {
    "z": "z, the code",
    "H": "H, the parts' coefficients",
    "z_hat": "z_hat, reconstructed code",
}
INPUT_TITLES = {"clean": "clean images", "noisy": "noisy images"}
NOISE_TITLES: dict[NoiseKind, str] = {
    "gaussian": "Gaussian",
    "masking": "Masking",
    "salt_and_pepper": "Salt and pepper",
    "displacement": "Displacement",
    "gaussian_displacement": "Gaussian + displacement",
}
SETTING_SYMBOLS = {"alpha": "α", "beta": "β", "gamma": "γ", "n_parts": "r"}
NOISE_LEVEL_HELP = (
    "Gaussian: standard deviation. Masking, salt and pepper: fraction of corrupted pixels. Displacement: at 40 % a shift of up "
    "to 2 of 28 pixels, a rotation of up to 10 degrees and a scaling of up to 10 %."
)
CLUSTERER_TITLES: dict[ClustererName, str] = {"kmeans": "K-means", "gmm": "GMM"}
TRANSFORM_TITLES = {"unit_length": "Unit length", "unit_nmf": "NMF", "umap": "UMAP", "pca": "PCA"}  # applied before clustering
MAP_TITLES: dict[EmbeddingMethod, str] = {"t-sne": "t-SNE", "umap": "UMAP", "pca": "PCA"}
SCORE_TITLES = {"acc": "ACC", "nmi": "NMI", "ari": "ARI"}
