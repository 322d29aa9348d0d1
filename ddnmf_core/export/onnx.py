"""ONNX export: encoder and decoder, verified against the model with onnxruntime."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ddnmf_core.model.device import matmul_precision
from ddnmf_core.model.networks import Autoencoder, DDNMFNetwork
from ddnmf_core.progress import Progress
from ddnmf_core.store.entry import CONFIG_FILE
from ddnmf_core.store.finished_run import FinishedRun

MAX_RELATIVE_DIFFERENCE = 1e-4  # relative to the largest value of the output
BATCH_SIZES = (1, 2, 7)  # verified
README_TEMPLATE = """# Run {run} as ONNX

- `encoder.onnx`: `images` (n, {n_pixels}), float32 in [0, 1], row by row -> {codes}
- `decoder.onnx`: `{coefficients}` -> `reconstruction` (n, {n_pixels})
{parts}
Any n. Verified with onnxruntime against the model on images of {dataset}: largest relative difference {difference:.1e}.

    import onnxruntime
    encoder = onnxruntime.InferenceSession("encoder.onnx")
    {outputs} = encoder.run(None, {{"images": images}})
"""
PARTS_README = (
    "- `parts.npz`: the images of the Parts page (parts, pixels): `alone`, `raised`, `swing`, `baseline`, and `mean_H`\n"
)


class Encoder(nn.Module):
    """Network from images to codes."""

    def __init__(self, model: DDNMFNetwork | Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        codes = self.model.encode(images)
        return tuple(code for code in (codes.z, codes.H, codes.z_hat) if code is not None)


class Decoder(nn.Module):
    """Network from part coefficients, or an autoencoder's code, to images."""

    def __init__(self, model: DDNMFNetwork | Autoencoder) -> None:
        super().__init__()
        self.decode = model.student.decode if isinstance(model, DDNMFNetwork) else model.decoder
        self.network = model

    def forward(self, codes: Tensor) -> Tensor:
        return self.decode(codes)


def write(run: FinishedRun, folder: Path, report: Progress) -> None:
    """Export encoder and decoder; raise RuntimeError if their outputs differ from the model's."""
    model, images = run.model(), run.images()
    outputs = list(run.config.representations)
    coefficients = "H" if "H" in outputs else "z"
    x = torch.from_numpy(images.scaled(slice(0, max(BATCH_SIZES))))
    with torch.no_grad(), matmul_precision("highest"):
        codes = dict(zip(outputs, Encoder(model)(x), strict=True))
        report(0.1, "Exporting the encoder.")
        _export(Encoder(model), x, "images", outputs, folder / "encoder.onnx", run)
        report(0.4, "Exporting the decoder.")
        _export(Decoder(model), codes[coefficients], coefficients, ["reconstruction"], folder / "decoder.onnx", run)
        report(0.7, "Verifying against the model.")
        difference = max(
            check_network(folder / "encoder.onnx", Encoder(model), x),
            check_network(folder / "decoder.onnx", Decoder(model), codes[coefficients]),
        )
    if coefficients == "H":
        _parts(run, folder / "parts.npz")
    _readme(run, folder, codes, coefficients, x.shape[1], difference)
    (folder / CONFIG_FILE).write_text(json.dumps(run.config.settings(), indent=1))


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
    exported = onnx.load(str(path))
    graph = exported.graph
    for element in (*graph.node, *graph.value_info, *graph.initializer, *graph.input, *graph.output):
        del element.metadata_props[:]  # the exporter writes paths of this machine there
    onnx.helper.set_model_props(exported, {"ddnmf.run": run.id, "ddnmf.config": json.dumps(run.config.settings())})
    onnx.save(exported, str(path))


def check_network(path: Path, network: nn.Module, x: Tensor) -> float:
    """Return the largest relative difference between file and model over BATCH_SIZES; raise RuntimeError if too large."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    largest = 0.0
    for n in BATCH_SIZES:
        expected = network(x[:n])
        outputs = session.run(None, {session.get_inputs()[0].name: x[:n].numpy()})
        for ours, theirs in zip(expected if isinstance(expected, tuple) else (expected,), outputs, strict=True):
            largest = max(largest, float(np.abs(ours.numpy() - theirs).max() / max(float(ours.abs().max()), 1e-6)))
    if not largest <= MAX_RELATIVE_DIFFERENCE:
        raise RuntimeError(
            f"{path.name} differs from the model by {largest:.1e}: should be at most {MAX_RELATIVE_DIFFERENCE:.0e}"
        )
    return largest


def _parts(run: FinishedRun, path: Path) -> None:
    mean = torch.from_numpy(run.codes("H")).mean(dim=0).numpy()
    np.savez_compressed(path, **run.part_pictures(), mean_H=mean, swing=run.part_effects())  # type: ignore[arg-type]
