"""What is counted of the noise experiment: who is ahead how often, and how much ACC is lost to noise."""

import math

import pandas as pd
import pytest

from ddnmf_core.analysis.metrics import SCORE_NAMES
from ddnmf_core.reproduce import paper
from ddnmf_core.reproduce.claims import NoiseLoss, Tally, count_wins, curve, noise_loss, paper_rows, sentences

NOTHING = pd.DataFrame()


def row(method, level, acc, nmi=0.5, ari=0.5, dataset="mnist", test_level=None):
    return {
        "dataset": dataset,
        "method": method,
        "noise_level": level,
        "test_level": level if test_level is None else test_level,
        "acc_mean": acc,
        "nmi_mean": nmi,
        "ari_mean": ari,
    }


def test_a_tally_counts_every_level_set_and_score_of_which_both_have_a_mean():
    rows = pd.DataFrame(
        [
            row("DDNMF", 0.1, 0.8, 0.6, 0.4),
            row("AE1", 0.1, 0.7, 0.7, 0.4),  # won, lost, equal
            row("DDNMF", 0.2, 0.8, 0.6, 0.4, dataset="digits"),
            row("AE1", 0.2, 0.1, 0.1, 0.1, dataset="digits"),
            row("DDNMF", 0.3, 0.9),
            row("AE1", 0.4, 0.1),
        ]
    )  # alone
    assert count_wins(rows, "DDNMF", "AE1") == Tally(4, 6)
    assert count_wins(rows, "AE1", "DDNMF") == Tally(1, 6)


def test_a_tally_leaves_out_images_with_other_noise_than_in_training():
    rows = pd.DataFrame(
        [
            row("DDNMF", 0.1, 0.8),
            row("AE1", 0.1, 0.7),
            row("DDNMF", 0.1, 0.9, 0.9, 0.9, test_level=0.8),
            row("AE1", 0.1, 0.1, 0.1, 0.1, test_level=0.8),
        ]
    )
    assert count_wins(rows, "DDNMF", "AE1") == Tally(1, 3)


def test_a_win_is_clear_where_it_is_beyond_either_deviation():
    rows = pd.DataFrame(
        [
            row("DDNMF", 0.1, 0.8) | {"acc_std": 0.01, "nmi_std": 0.0, "ari_std": math.nan},
            row("AE1", 0.1, 0.7, nmi=0.4, ari=0.4) | {"acc_std": 0.2, "nmi_std": 0.05, "ari_std": math.nan},
        ]
    )
    assert count_wins(rows, "DDNMF", "AE1") == Tally(3, 3, 1)
    assert count_wins(rows, "AE1", "DDNMF") == Tally(0, 3, 0)


def test_the_sentences_count_wins_losses_and_errors_of_all_models():
    of_each = (
        ("DDNMF", 0.2, (0.9, 0.8)),
        ("AE1", 0.1, (0.5, 0.3)),
        ("AE1 (linear code)", 0.1, (0.85, 0.9)),
        ("DAE", 0.3, (0.6, 0.5)),
    )
    rows = pd.DataFrame(
        [
            row(model, level, acc) | {"n_seeds": 2, "acc_std": 0.01, "nmi_std": 0.0, "ari_std": 0.0, "error_mean": error}
            for model, error, accs in of_each
            for level, acc in zip((0.1, 0.8), accs, strict=True)
        ]
    )
    wins, ddnmf, ae1, linear, dae, errors = sentences(rows, str.upper)
    assert "above AE1 in **2 of 6** cells (noise level, data set, score), in **2** by more than either SD" in wins
    assert "in the paper in **39 of 48**" in wins
    assert "Rivals that the paper does not have: above AE1 (linear code) in **1 of 6**, in **1** by more" in wins
    assert "Our DDNMF is above the paper's in **2 of 6**." in wins
    assert "Loss of ACC of DDNMF under noise of 10% to 80%, in points: **10.0 on MNIST**; in the paper 6.6 on MNIST" in ddnmf
    assert "**20.0 on MNIST" in ae1
    assert "**-5.0 on MNIST" in linear
    assert dae == "Loss of ACC of DAE under noise of 10% to 80%, in points: **10.0 on MNIST**."
    assert errors.startswith(
        "The reconstruction error of DDNMF is smaller than AE1's in **0 of 2**, than AE1 (linear code)'s in **0 of 2**, "
        "than DAE's in **2 of 2** settings"
    )
    assert "deviation" not in sentences(rows.assign(n_seeds=1))[0]
    fewer = rows.assign(n_seeds=[1 if method == "AE1" else 2 for method in rows["method"]])
    elsewhere = fewer[fewer["method"] == "DDNMF"].assign(test_level=0.5, n_seeds=1)
    assert "above AE1 (1 seed, DDNMF 2) in **2 of 6**" in sentences(pd.concat([fewer, elsewhere]))[0]
    shorter = rows[rows["noise_level"] < 0.5]
    more = pd.concat([shorter, shorter.assign(noise_level=0.3, test_level=0.3)])
    of_ae1 = sentences(more, str.upper)[2]
    assert (
        "Loss of ACC of AE1 under noise, in points: **0.0 on MNIST (10% to 30%)**; in the paper 19.2 on MNIST (10% to 80%)"
        in of_ae1
    )
    assert "here none of the levels has both yet" in sentences(NOTHING)[0]


def test_without_a_rival_there_is_nothing_to_count():
    assert (
        count_wins(NOTHING, "DDNMF", "AE1") == count_wins(pd.DataFrame([row("DDNMF", 0.1, 0.8)]), "DDNMF", "AE1") == Tally(0, 0)
    )


def test_a_loss_is_in_points_from_the_lowest_level_to_the_highest():
    rows = pd.DataFrame(
        [
            row("DDNMF", 0.8, 0.5),
            row("DDNMF", 0.1, 0.75),
            row("DDNMF", 0.4, 0.9),
            row("AE1", 0.1, 0.2),
            row("DDNMF", 0.1, 0.4, dataset="digits"),
            row("DDNMF", 0.2, 0.65, dataset="digits"),
            row("DDNMF", 0.1, 0.0, test_level=0.9),
        ]
    )
    assert noise_loss(rows, "DDNMF") == {"mnist": NoiseLoss(0.1, 0.8, 25.0), "digits": NoiseLoss(0.1, 0.2, -25.0)}


def test_one_level_alone_tells_of_no_loss():
    assert noise_loss(pd.DataFrame([row("DDNMF", 0.1, 0.8), row("DDNMF", 0.2, math.nan)]), "DDNMF") == {}
    assert noise_loss(NOTHING, "DDNMF") == {}


def test_a_curve_is_in_the_order_of_its_levels():
    rows = pd.DataFrame([row("DDNMF", 0.8, 0.5), row("DDNMF", 0.1, 0.75), row("AE1", 0.4, 0.9)])
    assert list(curve(rows, "mnist", "DDNMF")["acc_mean"]) == [0.75, 0.5]
    assert curve(NOTHING, "mnist", "DDNMF").empty


def test_the_paper_is_counted_as_we_are():
    table = paper.paper_results()["table3"]["scores"]
    by_hand = [
        one > other
        for models in table.values()
        for score in SCORE_NAMES
        for one, other in zip(models["DDNMF"][score], models["AE1"][score], strict=True)
    ]
    assert count_wins(paper_rows(), "DDNMF", "AE1") == Tally(sum(by_hand), 2 * 8 * 3)
    lost = noise_loss(paper_rows(), "DDNMF")
    assert lost["mnist"].points == pytest.approx(100 * (0.7381 - 0.6726))
    assert lost["fashion-mnist"].points == pytest.approx(100 * (0.6036 - 0.4959))
    assert {(each.lowest, each.highest) for each in lost.values()} == {(0.1, 0.8)}
