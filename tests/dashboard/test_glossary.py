"""The words of the field: each is said once, and what pages show is among them."""

from dashboard.frame.glossary import GLOSSARY_FILE, terms
from ddnmf_core.model.losses import WEIGHT_OF


def test_every_line_is_a_term_and_its_meaning():
    assert len(terms()) == len(GLOSSARY_FILE.read_text().splitlines())
    assert all(meaning.endswith((".", ")")) and len(meaning) > 20 for meaning in terms().values())


def test_losses_and_scores_are_explained():
    named = " ".join(terms())
    assert all(name in named for name in (*WEIGHT_OF, *WEIGHT_OF.values(), "L_in", "ACC", "NMI", "ARI"))
