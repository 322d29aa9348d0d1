"""The expected time comes from a measurement and scales as it should."""

import pytest

from ddnmf_core.config import ClusteringConfig, EmbeddingConfig, RunConfig
from ddnmf_core.engine.estimate import (
    analysis_seconds,
    count_weights,
    format_duration,
    measured_speed,
    median_speed,
    run_seconds,
    same_speed_class,
    seconds_left,
    training_seconds,
)
from ddnmf_core.model.networks import build_model

CONFIG = RunConfig(dataset="digits", layers=(16, 6), n_parts=4, epochs=10)


def test_the_count_is_that_of_the_model_without_biases():
    for model in ("ddnmf", "ae1", "ae2"):
        config = CONFIG.replace(model=model)
        built = sum(p.numel() for name, p in build_model(config, 64).named_parameters() if not name.endswith("bias"))
        assert count_weights(config) == built


def test_twice_the_epochs_take_twice_as_long():
    measured = [{"weights": count_weights(CONFIG), "images_per_second": 1797.0}]
    assert training_seconds(CONFIG, measured) == 10.0
    assert training_seconds(CONFIG.replace(epochs=20), measured) == 20.0


def test_the_time_of_a_run_is_training_and_clustering():
    autoencoder = CONFIG.replace(model="ae1")
    measured = [{"weights": count_weights(autoencoder), "images_per_second": 1797.0}]
    assert run_seconds(autoencoder, measured) == pytest.approx(10 + 4 * 1797 / 20_000)  # 2 inputs x 1 code x 2 clusterers
    assert run_seconds(CONFIG, []) is None


def test_a_manifold_takes_longer_than_clusters_alone():
    clusters = ClusteringConfig.of(CONFIG)
    assert analysis_seconds(clusters) == pytest.approx(1797 / 20_000)
    assert analysis_seconds(clusters.replace(transform="umap")) == pytest.approx(1797 / 500)
    assert analysis_seconds(EmbeddingConfig(run=CONFIG.id, n_points=100)) == 2.0


def test_a_small_network_says_nothing_of_a_large_one():
    assert same_speed_class(CONFIG, CONFIG.replace(layers=(20, 6)))
    assert not same_speed_class(CONFIG, CONFIG.replace(layers=(200, 6)))
    assert not same_speed_class(CONFIG, CONFIG.replace(batch_size=32))


def test_one_slow_moment_does_not_change_the_estimate():
    """A run's speed is the median of its rows, and that of several runs their median."""
    rows = [{"epoch": epoch, "images_per_second": 20.0 if epoch == 3 else 1797.0} for epoch in range(1, 6)]
    speed = measured_speed(CONFIG, rows)
    assert speed == {"weights": count_weights(CONFIG), "images_per_second": 1797.0}
    slow, fast = ({**speed, "images_per_second": value} for value in (100.0, 9000.0))
    assert median_speed([fast, slow, speed]) == speed
    assert measured_speed(CONFIG, [{"epoch": 0.1, "images_per_second": 0.0}]) is None


def test_the_time_left_is_that_of_the_epochs_to_come_and_the_scoring():
    scoring = run_seconds(CONFIG, [{"weights": count_weights(CONFIG), "images_per_second": 1797.0}]) - 10
    rows = [{"epoch": epoch, "images_per_second": 1797.0} for epoch in (1, 2, 2.5)]
    assert seconds_left(CONFIG, rows) == pytest.approx(7.5 + scoring)
    assert seconds_left(CONFIG, [*rows, {"epoch": 10, "images_per_second": 1797.0}]) == pytest.approx(scoring)
    assert seconds_left(CONFIG, []) is None


def test_without_a_measurement_there_is_no_figure():
    assert training_seconds(CONFIG, []) is None
    assert training_seconds(CONFIG, [{"weights": 1, "images_per_second": 0.0}]) is None


def test_durations_are_said_as_people_do():
    assert [format_duration(s) for s in (0.2, 50, 180, 7800)] == ["1 s", "50 s", "3 min", "2 h 10 min"]
