"""What speaks for a rank: values worked out by hand."""

import numpy as np
import pytest

from ddnmf_core.interpret.rank_survey import consensus, cophenetic_correlation, dispersion

ONE, TWO = np.array([0, 0, 1, 1]), np.array([5, 5, 5, 2])  # names of clusters do not matter


def test_the_consensus_is_the_share_of_clusterings_that_put_a_pair_together():
    assert consensus([ONE, TWO]).tolist() == [[1, 1, 0.5, 0], [1, 1, 0.5, 0], [0.5, 0.5, 1, 0.5], [0, 0, 0.5, 1]]
    with pytest.raises(ValueError, match="at least 2"):
        consensus([ONE])


def test_clusterings_that_agree_have_1_and_open_pairs_have_0():
    agreed = consensus([ONE, 1 - ONE])
    assert dispersion(agreed) == 1
    assert cophenetic_correlation(agreed) == pytest.approx(1)
    assert dispersion(np.full((4, 4), 0.5)) == 0
    assert np.isnan(cophenetic_correlation(np.ones((4, 4))))  # one cluster: nothing to tell apart


def test_where_they_disagree_both_fall():
    mixed = consensus([ONE, TWO])
    assert dispersion(mixed) == pytest.approx(10 / 16)  # six of sixteen entries are one half
    # Distances 0 .5 1 .5 1 .5; the tree joins {0,1} at 0, then 2 at .5, then 3 at 5/6.
    tree = np.array([0, 0.5, 5 / 6, 0.5, 5 / 6, 5 / 6])
    assert cophenetic_correlation(mixed) == pytest.approx(np.corrcoef([0, 0.5, 1, 0.5, 1, 0.5], tree)[0, 1])
