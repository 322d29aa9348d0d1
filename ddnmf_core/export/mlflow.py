"""MLflow export: a portable tracking folder with database and artifacts.

Artifact locations use MLflow's own scheme (mlflow-artifacts:), not a path of this machine.
"""

import json
import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ddnmf_core.data import pictures
from ddnmf_core.data.catalogue import spec
from ddnmf_core.export import training_curves
from ddnmf_core.export.tensorboard import draw_tiles
from ddnmf_core.progress import Progress
from ddnmf_core.store.entry import CONFIG_FILE, MODEL_FILE, PROVENANCE_FILE, SCORES_FILE
from ddnmf_core.store.finished_run import FinishedRun

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

DATABASE = "mlflow.db"
METRICS_PER_CALL = 1000  # MLflow's limit
HOW_TO_OPEN = """MLflow tracking folder of run {run}. To open it, run in this folder:

    pip install mlflow
    mlflow server --backend-store-uri sqlite:///mlflow.db --artifacts-destination ./artifacts
"""


def write(run: FinishedRun, folder: Path, report: Progress) -> None:
    """Fill the folder with a tracking database, artifacts and a README."""
    report(0.05, "Creating the database.")
    client, tracked = _start(run, folder)
    report(0.6, "Writing parameters and metrics.")
    _log(client, tracked.info.run_id, run)
    report(0.9, "Copying artifacts.")
    _artifacts(run, folder / tracked.info.artifact_uri.replace("mlflow-artifacts:/", "artifacts/"))
    client.set_terminated(tracked.info.run_id, end_time=_ms(run.entry.state.updated))
    _remove_folder_name(folder / DATABASE)
    (folder / "README.txt").write_text(HOW_TO_OPEN.format(run=run.id))


def _start(run: FinishedRun, folder: Path) -> "tuple[MlflowClient, Run]":
    """Create a database with one experiment, named by the data set, and one run."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # set before the import, which would report its use
    from mlflow.tracking import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    client = MlflowClient(tracking_uri=f"sqlite:///{(folder / DATABASE).absolute()}")
    experiment = client.create_experiment(run.config.dataset, artifact_location="mlflow-artifacts:/ddnmf")
    began = run.entry.state.updated - sum(row["seconds"] for row in run.epochs())
    provenance = {f"ddnmf.{name}": str(value) for name, value in run.provenance().items()}
    return client, client.create_run(
        experiment,
        start_time=_ms(began),
        run_name=f"{run.config.model}, seed {run.config.seed}",
        tags={"ddnmf.run": run.id, **provenance},
    )


def _log(client: "MlflowClient", run_id: str, run: FinishedRun) -> None:
    from mlflow.entities import Metric, Param

    metrics = [
        Metric(name, value, _ms(epoch.ended), epoch.number)
        for epoch in training_curves.epoch_values(run)
        for name, value in epoch.values.items()
    ]
    metrics += [
        Metric(name, value, _ms(run.entry.state.updated), run.config.epochs)
        for name, value in training_curves.final_results(run).items()
    ]
    client.log_batch(run_id, params=[Param(name, str(value)) for name, value in training_curves.flat_settings(run).items()])
    for start in range(0, len(metrics), METRICS_PER_CALL):
        client.log_batch(run_id, metrics=metrics[start : start + METRICS_PER_CALL])


def _artifacts(run: FinishedRun, folder: Path) -> None:
    """Write weights, settings, scores, provenance and an image of each part."""
    folder.mkdir(parents=True)
    for name in (MODEL_FILE, SCORES_FILE, PROVENANCE_FILE):
        (folder / name).write_bytes(run.entry.read_bytes(name))
    (folder / CONFIG_FILE).write_text(json.dumps(run.config.settings(), indent=1))
    last = run.snapshot(run.snapshots()[-1])
    if "parts_swing" in last:
        (folder / "parts").mkdir()
        for number, tile in enumerate(draw_tiles(last["parts_swing"].reshape(-1, *spec(run.config.dataset).image_shape)), 1):
            (folder / "parts" / f"part-{number:02d}.png").write_bytes(pictures.png(tile))


def _remove_folder_name(database: Path) -> None:
    """Remove the working directory of the command from MLflow's default experiment."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE experiments SET artifact_location = 'mlflow-artifacts:/default' WHERE experiment_id = 0")
        connection.commit()
        connection.execute("VACUUM")  # also erases the overwritten bytes


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
