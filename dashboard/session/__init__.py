"""What pages share in a session: the chosen run, links, selections, cached results."""
