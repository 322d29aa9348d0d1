"""The tables as Markdown and LaTeX."""

import re
from dataclasses import replace

from ddnmf_core.reproduce import results, tables


def test_latex_has_the_best_mean_alone_in_bold():
    records = [
        {"dataset": "mnist", "method": method, "seed": seed, "acc": acc + seed / 100, "nmi": acc, "ari": acc}
        for method, acc in (("K-means", 0.5), ("DDNMF+K-means", 0.8), ("Strong AE+K-means", 0.7))
        for seed in (1, 3)
    ]
    found = results.Results("table1", "ddnmf reproduce table1 --seeds 2", "2026-01-01", {}, [1, 3], 0, [], records)
    text = tables.table_latex(found)
    bold = re.findall(r"^(.*?) &.*mathbf", text, re.MULTILINE)
    assert bold == ["DDNMF+K-means"]
    assert r"$\mathbf{0.820} \pm 0.014$" in text
    assert r"$0.520 \pm 0.014$" in text
    assert "0.555" in text  # the paper's K-means
    assert "Strong AE+K-means$^\\ast$" in text
    assert "over 2 seeds" in text
    assert "| DDNMF+K-means | 2 | **0.820** ± 0.014 | **0.800** ± 0.000 |" in tables.table_markdown(found)
    assert "| Strong AE+K-means* | 2 | 0.720 ± 0.014 |" in tables.table_markdown(found)
    assert "over 1 to 2 seeds" in tables.table_latex(replace(found, cells=records[:-1]))


def test_latex_of_table_3_has_a_column_for_each_level():
    records = [
        {
            "dataset": "mnist",
            "method": model,
            "seed": 1,
            "noise_level": level,
            "test_level": level,
            "acc": acc,
            "nmi": acc,
            "ari": acc,
        }
        for level in (0.1, 0.8)
        for model, acc in (("DDNMF", level), ("AE1", 0.5))
    ]
    text = tables.table_latex(results.Results("table3", "", "", {}, [1], 0, [], records))
    assert r"10\% & 80\%" in text
    assert re.search(r"ACC & DDNMF & \$0.100\$ & \$\\mathbf\{0.800\}\$", text)
    assert re.search(r"ACC & AE1 & \$\\mathbf\{0.500\}\$ & \$0.500\$", text)


def test_a_table_3_that_is_not_whole_yet_has_dashes_and_its_levels_in_order():
    records = [
        {
            "dataset": "mnist",
            "method": model,
            "seed": 1,
            "noise_level": level,
            "test_level": level,
            "acc": 0.5,
            "nmi": 0.5,
            "ari": 0.5,
        }
        for model, level in (("DDNMF", 0.8), ("AE1", 0.1), ("AE1", 0.8))
    ]
    lines = tables.table_markdown(results.Results("table3", "", "", {}, [1], 0, [], records)).splitlines()
    assert lines[0] == "| Data | Score | Model | 10% | 80% |"
    assert lines[2] == "| mnist | ACC | DDNMF | – | **0.500** |"
    assert lines[3] == "| mnist | ACC | AE1 | **0.500** | **0.500** |"


def test_what_one_seed_cannot_have_is_a_dash():
    records = [
        {
            "dataset": "mnist",
            "method": "chosen+K-means",
            "seed": 1,
            "acc": 0.5,
            "nmi": 0.5,
            "ari": 0.5,
            "silhouette": 0.1,
            "error": 0.02,
        }
    ]
    found = results.Results("selection", "", "2026-01-01", {}, [1], 0, [], records)
    assert "| chosen+K-means | 1 | – | 0.100 |" in tables.table_markdown(found)
    assert "nan" not in tables.table_markdown(found) + tables.table_latex(found)


def test_latex_takes_no_sign_for_a_comment():
    records = [
        {"dataset": "mnist", "method": method, "seed": seed, "acc": 0.5, "nmi": 0.5, "ari": 0.5, "explained_variance": 0.665}
        for method in ("DDNMF", "DDNMF, W ≥ 0")
        for seed in (1, 2)
    ]
    text = tables.table_latex(results.Results("parts", "", "2026-01-01", {}, [1, 2], 0, [], records))
    assert r"66.5\%" in text
    assert not re.search(r"(?<!\\)%", text)
    assert r"W $\geq$ 0$^\ast$" in text
    assert all(line.endswith(r"\\") for line in text.split("\\midrule")[1].split("\\bottomrule")[0].strip().splitlines())
