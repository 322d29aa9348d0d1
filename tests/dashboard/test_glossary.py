"""The glossary defines each term once; the definitions of measures are those of the code."""

import re

from dashboard.frame.glossary import GLOSSARY_FILE, terms, written_terms
from ddnmf_core.interpret.measures import MEASURES
from ddnmf_core.labels import SCORE_TITLES
from ddnmf_core.model.losses import WEIGHT_OF

# Words in titles of measures that do not name the measure: what it is of, and how it is summarised.
SHARED_WORDS = {"parts", "part", "pictures", "coefficients", "h", "seeds", "class", "of", "over", "mean", "largest", "random"}


def words(text):
    return set(re.findall(r"\w+", text.casefold())) - SHARED_WORDS


def written_beside(titles, written):
    """Terms written by hand that share a naming word with the title of a measure."""
    named = set().union(*map(words, titles))
    return [term for term in written if words(term) & named]


def test_every_line_is_a_term_and_its_meaning():
    assert len(written_terms()) == len(GLOSSARY_FILE.read_text("utf-8").splitlines())
    assert all(meaning.endswith((".", ")")) and len(meaning) > 20 for meaning in terms().values())


def test_losses_and_scores_are_explained():
    named = " ".join(terms())
    assert all(name in named for name in (*WEIGHT_OF, *WEIGHT_OF.values(), "L_in", *SCORE_TITLES.values()))


def test_a_measure_is_defined_as_the_code_defines_it():
    for measure in MEASURES.values():
        assert terms()[measure.title].startswith(measure.meaning)


def test_no_measure_is_defined_by_hand_as_well():
    titles = [measure.title for measure in MEASURES.values()]
    assert written_beside(titles, written_terms()) == []
    by_hand = ("Purity", "Hoyer sparsity", "Additivity gap", "Deletion AUC", "Dead, constant, saturated")
    assert written_beside(titles, by_hand) == list(by_hand)
