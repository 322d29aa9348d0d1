"""Published numbers keep their ids, whatever the defaults of new runs become."""

import pytest

from ddnmf_core.reproduce import results
from ddnmf_core.reproduce.cells import TARGETS, target_cells
from ddnmf_core.reproduce.protocol import FULL_PROTOCOL, Protocol


@pytest.mark.parametrize("target", TARGETS)
def test_the_protocol_of_now_and_the_one_that_was_written_give_the_published_ids(target):
    published = results.read_results(results.published_folder(), target)
    wanted = {record["id"] for record in published.cells}
    assert wanted
    for protocol in (FULL_PROTOCOL, Protocol.described(published.protocol)):
        cells = target_cells(target, protocol, published.seeds)
        assert wanted <= {cell.config.id for cell in cells}
