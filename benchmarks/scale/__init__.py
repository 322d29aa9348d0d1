"""Many runs, many workers."""
