"""An unmodified ipyparallel client on Go engines.

$ ipcluster start -n 4 --daemonize
$ python3 examples/python/go_engines.py
"""
import ipyparallel as ipp
import numpy as np

rc = ipp.Client()  # finds the running cluster
rc.wait_for_engines(4, timeout=60)
view = rc[:]
view.block = True

# Go is executed, and what it defines stays.
view.execute("func scaled(x []float64, k float64) float64 { return k * floats.Sum(x) }")
ar = view.execute('fmt.Println("hello from Go"); 6 * 7', silent=False, block=False)
ar.get()
ar.wait_for_output()
print("engine 0 printed", repr(ar.stdout[0]), "and gave", ar.execute_result[0]["data"]["text/plain"])

# Values go over as they are, and come back with dtype and shape.
view.push({"A": np.eye(3), "k": 3, "names": ["x", "y"], "small": np.arange(4, dtype="i2")})
view.execute("t := mat.Trace(A)")
print("traces", view["t"])
back = view["small"][0]
print("small", back, back.dtype)

# Blocks of an array, and Go functions called by name.
view.scatter("x", np.arange(8.0))
print("sums", view.apply(ipp.Reference("scaled"), ipp.Reference("x"), 0.5))
view.execute("floats.AddConst(100, x)")
print("gathered", view.gather("x"))

# A call for every item: in chunks, one for each engine; as tasks, for whichever engine is free.
print("roots", view.map_sync(ipp.Reference("math.Sqrt"), [1.0, 4.0, 9.0, 16.0, 25.0]))
lbv = rc.load_balanced_view()
print("powers", lbv.map_sync(ipp.Reference("math.Pow"), range(5), np.full(5, 2.0)))

# A Python function is pickled Python code, which no Go engine can run.
try:
    view.apply(lambda x: x + 1, 1)
except ipp.error.CompositeError as e:
    print(e.elist[0][0], e.elist[0][1])
