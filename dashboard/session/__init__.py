"""State that pages share: chosen run, links, selections, cached results."""
