"""Compute on one thread: the matrices of these tests are small.

Two threads of OpenBLAS mostly wait for each other, and do so busily: a training on the built-in
data with three trees takes 1.06 s of CPU time with two threads and 0.23 s with one.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything imports numpy
