"""One Go engine and one Python engine behind one controller.

$ ipcluster start -n 1 --daemonize
$ python3 -m ipyparallel.engine &
$ python3 examples/python/both.py
"""
import ipyparallel as ipp
import numpy as np

rc = ipp.Client()
rc.wait_for_engines(2, timeout=60)
both, python = rc[:], rc[1]

both.push({"x": np.linspace(0, 1, 5)}, block=True)
rc[0].execute("mean := stat.Mean(x, nil)", block=True)  # Go
rc[1].execute("mean = float(x.mean())", block=True)  # Python
print("means", both["mean"])

print("a lambda on the Python engine:", python.apply_sync(lambda a: a + 1, 41))
rc.shutdown(targets=[1], block=True)
