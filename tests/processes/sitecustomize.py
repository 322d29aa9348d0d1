"""Read by every Python process that a test starts: mixtures begin with two short runs instead of 20, as in the tests."""

import importlib.util
import sys

SHORT_RUNS = 2
MODULE = "ddnmf_core.analysis.clustering"


class Finder:
    """Find the module once, and shorten the initialisation of its mixtures when it is loaded."""

    def find_spec(self, name, path=None, target=None):
        if name != MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def shorten(module):
            execute(module)
            module.SHORT_RUNS = SHORT_RUNS

        spec.loader.exec_module = shorten
        return spec


sys.meta_path.insert(0, Finder())
