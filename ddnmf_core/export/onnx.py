"""ONNX: encoder and decoder for any runtime, each held against the model before it is handed out."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ddnmf_core.model.decoding import part_pictures
from ddnmf_core.model.device import matmul_precision
from ddnmf_core.model.networks import Autoencoder, DDNMFNetwork
from ddnmf_core.progress import Progress
from ddnmf_core.store.entry import CONFIG_FILE
from ddnmf_core.store.finished_run import FinishedRun

MAX_RELATIVE_DIFFERENCE = 1e-4  # of a number, against the largest of its kind
BATCH_SIZES = (1, 2, 7)  # sizes that are tried
README_TEMPLATE = """# Run {run} as ONNX

- `encoder.onnx`: `images` (n, {n_pixels}), float32 in [0, 1], row by row -> {codes}
- `decoder.onnx`: `{coefficients}` -> `reconstruction` (n, {n_pixels})
{parts}
Any n. Checked with onnxruntime against the model on images of {dataset}: largest relative difference {difference:.1e}.

    import onnxruntime
    encoder = onnxruntime.InferenceSession("encoder.onnx")
    {outputs} = encoder.run(None, {{"images": images}})
"""
PARTS_README = (
    "- `parts.npz`: the pictures of the Parts page (parts, pixels): `alone`, `raised`, `swing`, `baseline`, and `mean_H`\n"
)


class Encoder(nn.Module):
    """Images to codes."""

    def __init__(self, model: DDNMFNetwork | Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        codes = self.model.encode(images)
        return tuple(code for code in (codes.z, codes.H, codes.z_hat) if code is not None)


class Decoder(nn.Module):
    """Coefficients of parts to images; an autoencoder's code to images."""

    def __init__(self, model: DDNMFNetwork | Autoencoder) -> None:
        super().__init__()
        self.decode = model.student.decode if isinstance(model, DDNMFNetwork) else model.decoder
        self.network = model

    def forward(self, codes: Tensor) -> Tensor:
        return self.decode(codes)


def write(run: FinishedRun, folder: Path, report: Progress) -> None:
    """Raises RuntimeError where the exported networks do not compute what the model computes."""
    model, images = run.model(), run.images()
    outputs = list(run.config.representations)
    coefficients = "H" if "H" in outputs else "z"
    x = torch.from_numpy(images.scaled(slice(0, max(BATCH_SIZES))))
    with torch.no_grad(), matmul_precision("highest"):
        codes = dict(zip(outputs, Encoder(model)(x), strict=True))
        report(0.1, "The encoder.")
        _export(Encoder(model), x, "images", outputs, folder / "encoder.onnx", run)
        report(0.4, "The decoder.")
        _export(Decoder(model), codes[coefficients], coefficients, ["reconstruction"], folder / "decoder.onnx", run)
        report(0.7, "Checking them against the model.")
        difference = max(
            check_network(folder / "encoder.onnx", Encoder(model), x),
            check_network(folder / "decoder.onnx", Decoder(model), codes[coefficients]),
        )
    if coefficients == "H":
        _parts(run, folder / "parts.npz")
    _readme(run, folder, codes, coefficients, x.shape[1], difference)
    (folder / CONFIG_FILE).write_text(run.config.model_dump_json(indent=1))


def _readme(
    run: FinishedRun, folder: Path, codes: Mapping[str, Tensor], coefficients: str, n_pixels: int, difference: float
) -> None:
    outputs = list(codes)
    (folder / "README.md").write_text(
        README_TEMPLATE.format(
            run=run.id,
            n_pixels=n_pixels,
            codes=", ".join(f"`{name}` (n, {code.shape[1]})" for name, code in codes.items()),
            coefficients=coefficients,
            parts=PARTS_README if coefficients == "H" else "",
            dataset=run.config.dataset,
            difference=difference,
            outputs=", ".join(outputs) if outputs[1:] else f"{outputs[0]},",
        )
    )


def _export(network: nn.Module, example: Tensor, name: str, outputs: Sequence[str], path: Path, run: FinishedRun) -> None:
    import onnx

    argument = "images" if isinstance(network, Encoder) else "codes"
    torch.onnx.export(
        network.eval(),
        (example[:2],),
        str(path),
        input_names=[name],
        output_names=list(outputs),
        external_data=False,
        dynamic_shapes={argument: {0: torch.export.Dim("n")}},
        verbose=False,
    )
    kept = onnx.load(str(path))
    for noted in (*kept.graph.node, *kept.graph.value_info, *kept.graph.initializer, *kept.graph.input, *kept.graph.output):
        del noted.metadata_props[:]  # the exporter notes paths of this machine there
    onnx.helper.set_model_props(kept, {"ddnmf.run": run.id, "ddnmf.config": json.dumps(run.config.model_dump(mode="json"))})
    onnx.save(kept, str(path))


def check_network(path: Path, network: nn.Module, x: Tensor) -> float:
    """The largest relative difference between the file and the model over batches of several sizes."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    largest = 0.0
    for n in BATCH_SIZES:
        wanted = network(x[:n])
        found = session.run(None, {session.get_inputs()[0].name: x[:n].numpy()})
        for ours, theirs in zip(wanted if isinstance(wanted, tuple) else (wanted,), found, strict=True):
            largest = max(largest, float(np.abs(ours.numpy() - theirs).max() / max(float(ours.abs().max()), 1e-6)))
    if not largest <= MAX_RELATIVE_DIFFERENCE:
        raise RuntimeError(f"{path.name} differs from the model by {largest:.1e}, more than {MAX_RELATIVE_DIFFERENCE:.0e}")
    return largest


def _parts(run: FinishedRun, path: Path) -> None:
    mean = torch.from_numpy(run.codes("H")).mean(dim=0)
    drawn = {name: array.numpy() for name, array in {**part_pictures(run.ddnmf(), mean), "mean_H": mean}.items()}
    np.savez_compressed(path, **drawn, swing=run.part_effects())  # type: ignore[arg-type]
