"""An unmodified ipyparallel client drives Go engines, as its users do in
notebooks. Run by TestPythonClient in a site with three Go engines."""
import numpy as np

import ipyparallel as ipp
from ipyparallel import error

PATIENCE = 60
rc = ipp.Client(timeout=PATIENCE)  # finds the cluster with no argument
rc.wait_for_engines(3, timeout=PATIENCE)
assert rc.ids == [0, 1, 2], rc.ids
view = rc[:]

# Code, its output, and values that stay.
view.execute("a := 5").get(PATIENCE)
assert view["a"] == [5, 5, 5]
ar = view.execute('fmt.Println("a is", a); a * 2', silent=False)
ar.get(PATIENCE)
assert ar.wait_for_output(PATIENCE)
assert ar.stdout == ["a is 5\n"] * 3, ar.stdout
assert [r["data"]["text/plain"] for r in ar.execute_result] == ["10"] * 3

# Arrays go and come back with dtype, shape and values.
arrays = {
    "f8": np.random.default_rng(1).normal(size=(50, 40)),
    "f4": np.arange(6, dtype="f4").reshape(1, 2, 3),
    "i8": np.arange(1000),
    "u1": np.arange(256, dtype="u1").reshape(16, 16),
    "c16": np.array([[1 + 2j, 3], [4, 5j]]),
    "flag": np.array([True, False, True]),
    "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "nothing": np.zeros((0, 3)),
    "odd": np.array([np.nan, np.inf, -np.inf, -0.0]),
    "scalar": np.array(7.5),
}
view.push(arrays, block=True)
for name, want in arrays.items():
    for got in view[name]:
        assert got.dtype == want.dtype and got.shape == want.shape, (name, got.dtype, got.shape)
        assert np.array_equal(got, want, equal_nan=want.dtype.kind in "fc"), name
view.push({"A": np.eye(3), "k": 3, "names": ["x", "y"], "d": {"z": 1.5}, "s": "é", "none": None}, block=True)
assert view["k"] == [3] * 3 and view["names"] == [["x", "y"]] * 3
assert view["d"] == [{"z": 1.5}] * 3 and view["s"] == ["é"] * 3 and view["none"] == [None] * 3

# The arrays are gonum's on the engines.
view.execute("r, c := A.Dims(); t := mat.Trace(A)").get(PATIENCE)
assert view["t"] == [3.0] * 3 and view["r"] == [3] * 3

# Functions by name.
view.execute("func f(x int) int { return x * x }").get(PATIENCE)
assert view.apply_sync(ipp.Reference("f"), 3) == [9, 9, 9]
assert rc[1].apply_sync(ipp.Reference("math.Sqrt"), 2.0) == 2**0.5
assert view.apply_sync(ipp.Reference("func(x []float64) float64 { return floats.Sum(x) }"), np.arange(5.0)) == [10.0] * 3

# Scatter, gather, load balancing, broadcast.
view.scatter("part", np.arange(10.0), block=True)
assert list(view.gather("part", block=True)) == list(range(10))
lbv = rc.load_balanced_view()
assert [lbv.apply_sync(ipp.Reference("f"), i) for i in range(6)] == [0, 1, 4, 9, 16, 25]

# A call for every item, in chunks for the engines and as tasks.
assert view.map_sync(ipp.Reference("f"), range(7)) == [0, 1, 4, 9, 16, 25, 36]
assert view.map_sync(ipp.Reference("floats.Dot"), np.ones((4, 3)), np.arange(12.0).reshape(4, 3)) == [3, 12, 21, 30]
assert lbv.map_sync(ipp.Reference("math.Pow"), np.arange(5.0), [2] * 5, chunksize=2) == [0, 1, 4, 9, 16]
bv = rc.broadcast_view()
bv.execute("b := 6").get(PATIENCE)
assert view["b"] == [6] * 3


def fails(kind, f, *args, **kwargs):
    try:
        f(*args, **kwargs)
    except kind as e:
        return str(e) + "\n".join(getattr(e, "render_traceback", list)())
    raise AssertionError(f"no {kind.__name__}")


# Errors carry the user's line, and reach the one who asked.
text = fails(error.RemoteError, rc[0].execute("x := 1\nvar s []int\ns[3] = x").get, PATIENCE)
assert "index out of range" in text and "s[3] = x" in text and "line 3" in text, text
text = fails(error.RemoteError, rc[0].apply_sync, lambda x: x, 1)
assert "Python" in text and "Reference" in text, text
fails(error.CompositeError, view.execute("undefined1 + 1").get, PATIENCE)
assert view["a"] == [5, 5, 5]

# What the hub knows.
status = rc.queue_status()
assert status["unassigned"] == 0 and all(status[i]["queue"] == 0 for i in rc.ids), status
again = rc.get_result(ar.msg_ids[0], owner=False)
again.get(PATIENCE)

# An endless loop is interrupted; an engine is shut down; the others stay.
loop = rc[2].execute("for {}")
while rc.queue_status()[2]["queue"] == 0:
    pass
rc.send_signal(2, targets=2, block=True)
fails(error.RemoteError, loop.get, PATIENCE)
assert rc[2]["a"] == 5
rc.shutdown(targets=[2], block=True)
while 2 in rc.ids:
    pass
assert rc[:]["a"] == [5, 5]
rc.close()
print("ok")
