"""The dashboard gives freed arrays back to the system, where the C library can be told to."""

import ctypes
import subprocess
import sys

import pytest

GROWN = """
import sys, numpy as np, psutil
from dashboard.frame import warm_up
if sys.argv[1] == "given back":
    warm_up._return_freed_memory()
for _ in range(3):
    np.ones(2**21)                                                  # glibc keeps what is smaller from now on
before, arrays, between = psutil.Process().memory_info().rss, [], []
for _ in range(20):
    arrays.append(np.ones(2**19))                                   # 4 MB
    between.append(np.ones(2**12))
arrays.clear()
print((psutil.Process().memory_info().rss - before) / 1e6)
"""


@pytest.mark.skipif(sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="not glibc")
def test_freed_arrays_go_back_to_the_system():
    kept, given_back = (
        float(subprocess.run([sys.executable, "-c", GROWN, how], capture_output=True, text=True, check=True).stdout)
        for how in ("kept", "given back")
    )
    assert kept > 50
    assert given_back < 10
