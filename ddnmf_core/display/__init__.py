"""What a notebook shows of a run, its parts and a sample: static HTML, pictures inside, no script; names are escaped."""
