"""Fits at once in threads give the numbers of each alone; torch's settings are afterwards as before."""

import threading

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_info

from ddnmf_core import DDNMF
from ddnmf_core.model.device import matmul_precision

X = load_digits().data[:300]


def model(seed=0, epochs=3, **settings):
    return DDNMF(4, **{"layers": (64, 8), "batch_size": 64, "device": "cpu", **settings}, epochs=epochs, random_state=seed)


def flushes():
    return bool(torch.tensor(1e-310, dtype=torch.float64) / 2 == 0)


def settings():
    return (
        torch.get_float32_matmul_precision(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.get_rng_state().tolist(),
        flushes(),
        torch.is_grad_enabled(),
        [(pool["prefix"], pool["num_threads"]) for pool in threadpool_info()],
        np.random.get_state()[1].tolist(),
    )


@pytest.fixture(
    params=[("highest", torch.float32, False), ("high", torch.float64, True)],
    ids=["as torch starts", "as a caller has set them"],
)
def callers_settings(request):
    before = torch.get_float32_matmul_precision(), torch.get_default_dtype()
    precision, dtype, flush = request.param
    torch.set_float32_matmul_precision(precision)
    torch.set_default_dtype(dtype)
    torch.set_flush_denormal(flush)
    model().fit(X)  # libraries load their thread pools
    yield
    torch.set_float32_matmul_precision(before[0])
    torch.set_default_dtype(before[1])
    torch.set_flush_denormal(False)


@pytest.mark.parametrize("clusterer", ["kmeans", "gmm"])
def test_settings_are_as_before_a_fit(callers_settings, clusterer):
    before = settings()
    fitted = model(clusterer=clusterer).fit(X)
    fitted.inverse_transform(fitted.transform(X))
    assert settings() == before


def test_settings_are_as_before_after_an_error_in_training(callers_settings):
    def fail(row):
        raise KeyError("mine")

    before = settings()
    with pytest.raises(KeyError, match="mine"):
        model(callback=fail).fit(X)
    assert settings() == before
    with pytest.raises(ValueError, match="not finite"):
        model(optimizer="sgd", learning_rate=10.0, loss_reduction="sum").fit(X)
    assert settings() == before


def test_the_callers_default_dtype_does_not_change_the_numbers():
    alone = model().fit(X).transform(X)
    torch.set_default_dtype(torch.float64)
    try:
        assert np.array_equal(model().fit(X).transform(X), alone)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("others_precision", ["medium", "highest", "bfloat16"])
def test_two_fits_at_once_give_what_each_gives_alone(others_precision):
    plans = [{"seed": 0, "epochs": 4, "precision": others_precision}, {"seed": 1, "epochs": 12}]
    alone = [model(**plan).fit(X).transform(X) for plan in plans]
    before = settings()
    together = {}
    threads = [
        threading.Thread(target=lambda number=number, plan=plan: together.update({number: model(**plan).fit(X).transform(X)}))
        for number, plan in enumerate(plans)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert settings() == before
    assert [np.array_equal(together[number], alone[number]) for number in range(2)] == [True, True]


def test_a_thread_with_another_precision_waits_and_one_with_the_same_does_not():
    entered = {name: threading.Event() for name in ("medium", "high")}

    def hold(name):
        with matmul_precision(name):
            entered[name].set()

    with matmul_precision("medium"):
        threads = [threading.Thread(target=hold, args=(name,)) for name in entered]
        for thread in threads:
            thread.start()
        assert entered["medium"].wait(10)
        assert not entered["high"].wait(0.1)
        with matmul_precision("highest"):  # a block within one lets the outer precision go, and takes it again
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "medium"
    for thread in threads:
        thread.join(10)
    assert entered["high"].is_set()
    assert torch.get_float32_matmul_precision() == "highest"
