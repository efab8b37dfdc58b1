"""What a user of an unmodified ipyparallel does with two Go engines.

Usage: client.py CONNECTION_FILE
"""
import signal
import sys
import time

import ipyparallel as ipp
import numpy as np

rc = ipp.Client(sys.argv[1], timeout=60)
rc.wait_for_engines(2, timeout=60)
view = rc[:]
one = rc[rc.ids[0]]
failures = 0


def check(name, got, want):
    global failures
    if got != want:
        failures += 1
        print(f"{name}: got {got!r}, want {want!r}")


def error(name, f, ename, text=""):
    """f fails on the engines with this error."""
    global failures
    try:
        got = f()
    except ipp.error.CompositeError as e:
        got = (e.elist[0][0], e.elist[0][1])
    except ipp.error.RemoteError as e:
        got = (e.ename, e.evalue)
    if got[0] != ename or text not in got[1]:
        failures += 1
        print(f"{name}: got {got!r}, want {ename} with {text!r}")
    return got


def output(ar):
    ar.get(timeout=60)
    assert ar.wait_for_output(60), "output is not complete"
    return ar


# execute, and the output of %px
view.execute("a := 5", block=True)
check("pull a", view["a"], [5, 5])
ar = output(view.execute('fmt.Println("a is", a)\na * 2', silent=False, block=False))
check("stdout", ar.stdout, ["a is 5\n"] * 2)
check("result", [r.execute_result["data"]["text/plain"] for r in ar.get()], ["10", "10"])
check("input", ar.execute_input, ['fmt.Println("a is", a)\na * 2'] * 2)
check("stderr", output(one.execute('fmt.Fprint(os.Stderr, "oh")', block=False)).stderr, "oh")

# push and pull
A = np.arange(12.0).reshape(3, 4)
values = {
    "A": A,
    "F": np.asfortranarray(A),
    "v": np.linspace(0, 1, 1000),
    "f32": np.ones((2, 3, 4), "f4"),
    "ints": np.arange(5, dtype="i4"),
    "flags": np.array([True, False]),
    "z": np.array([[1 + 2j]]),
    "empty": np.zeros((0, 3)),
    "nan": np.array([np.nan, np.inf]),
}
view.push(values, block=True)
for name, want in values.items():
    for got in view[name]:
        check(f"dtype of {name}", str(got.dtype), str(want.dtype))
        check(f"shape of {name}", got.shape, want.shape)
        check(f"value of {name}", np.array_equal(got, want, equal_nan=want.dtype.kind in "fc"), True)
plain = {"k": 3, "x": 2.5, "s": "text é", "names": ["x", "y"], "d": {"p": 1}, "none": None, "b": b"\x00\xff", "yes": True}
view.push(plain, block=True)
check("plain values", one.pull(list(plain), block=True), list(plain.values()))
check("a gonum matrix", one.apply_sync(ipp.Reference("func() int { r, c := A.Dims(); return r*10 + c }")), 34)
big = np.random.rand(1000, 1000)
one.push({"big": big}, block=True)
check("8 MB there and back", np.array_equal(one["big"], big), True)
view.scatter("part", np.arange(10.0), block=True)
check("gather", list(view.gather("part", block=True)), list(np.arange(10.0)))

# calls by name
view.execute("func sq(x int) int { return x * x }", block=True)
check("interpreted", view.apply_sync(ipp.Reference("sq"), 3), [9, 9])
check("argument by name", view.apply_sync(ipp.Reference("sq"), ipp.Reference("a")), [25, 25])
check("compiled", view.apply_sync(ipp.Reference("test.Sum"), np.arange(4.0)), [6.0, 6.0])
check("compiled, list", one.apply_sync(ipp.Reference("test.Sum"), [1, 2.5]), 3.5)
check("compiled, float32", one.apply_sync(ipp.Reference("test.Sum"), np.ones(4, "f4")), 4.0)
check("compiled, ints", one.apply_sync(ipp.Reference("test.Sum"), np.arange(4)), 6.0)
check("compiled, matrix", one.apply_sync(ipp.Reference("test.Shape"), np.ones((2, 3), "i2")), [2, 3])
error("compiled, wrong shape", lambda: one.apply_sync(ipp.Reference("test.Sum"), np.ones((2, 2))), "TypeError", "argument 1")
check("keywords", one.apply_sync(ipp.Reference("test.Options"), steps=3, name="n"), "3 n")
check("library", one.apply_sync(ipp.Reference("strings.ToUpper"), "abc"), "ABC")
ar = output(one.apply_async(ipp.Reference("test.Print"), 2))
check("compiled output", (ar.stdout, ar.stderr), ("line 0\nline 1\n", "done\n"))
lbv = rc.load_balanced_view()
check("load-balanced", lbv.apply_sync(ipp.Reference("sq"), 7), 49)

# map: a chunk of the sequences for each engine, or for each task
sq, sub, total = ipp.Reference("sq"), ipp.Reference("func(x, y float64) float64 { return x - y }"), ipp.Reference("test.Sum")
check("map", view.map_sync(sq, range(7)), [x * x for x in range(7)])
check("map, one engine idle", view.map_sync(sq, [3]), [9])
check("map, two sequences", view.map_sync(sub, np.arange(5.0), [1, 2, 3, 4, 5.5]), [-1, -1, -1, -1, -1.5])
check("map, unequal", view.map_sync(sub, (5, 6, 7, 8, 9), np.ones(3)), [4, 5, 6])
check("map, rows", view.map_sync(total, np.arange(15.0).reshape(5, 3)), [3, 12, 21, 30, 39])
check("map, rows of float32", view.map_sync(total, np.ones((3, 2), "f4")), [2, 2, 2])
check("map, complex rows", view.map_sync(ipp.Reference("func(z []complex128) float64 { return imag(z[1]) }"), np.array([[1, 2j], [3, 4j]])), [2, 4])
check("map, generator", view.map_sync(sq, (i for i in range(3))), [0, 1, 4])
check("map, text", view.map_sync(ipp.Reference("strings.ToUpper"), "aéb"), ["A", "É", "B"])
check("map, by name", view.map_async(sq, [ipp.Reference("a"), 2]).get(timeout=60), [25, 4])
check("map, tasks", lbv.map_sync(sq, range(6)), [0, 1, 4, 9, 16, 25])
check("map, tasks of two", lbv.map_sync(sq, np.arange(5), chunksize=2), [0, 1, 4, 9, 16])
check("map, tasks as they come", sorted(lbv.map(sq, range(6), ordered=False, block=False)), [0, 1, 4, 9, 16, 25])
check("parallel function", view.parallel(block=True)(total)(np.arange(4.0)), [1, 5])
error("map of a lambda", lambda: view.map_sync(lambda x: x, range(4)), "TypeError", "cannot run on a Go engine")
error("map, wrong item", lambda: view.map_sync(sq, ["x", "y"]), "TypeError", "argument 1")
error("map of a number", lambda: view.map_sync(3, [1, 2]), "TypeError", "Reference")
bv = rc.broadcast_view()
check("broadcast", bv.apply_sync(ipp.Reference("sq"), 7), [49, 49])
bv.is_coalescing = True
check("coalesced", bv.apply_sync(ipp.Reference("sq"), 8), [64, 64])

# errors
error("index", lambda: view.execute("var none []int\nnone[a]", block=True), "RuntimeError", "index out of range")
error("panic", lambda: one.execute('panic("oh")', block=True), "PanicError", "oh")
error("syntax", lambda: one.execute("a := := 5", block=True), "SyntaxError")
error("pickled function", lambda: one.apply_sync(lambda x: x, 3), "TypeError", "cannot run on a Go engine")
error("no such name", lambda: one.pull("nosuch", block=True), "NameError", "nosuch")
try:
    one.execute("x := 1\nx /= (x - 1)", block=True)
except ipp.error.RemoteError as e:
    check("traceback", "line 2" in e.traceback and "x /= (x - 1)" in e.traceback, True)
ar = one.execute('panic("shown")', silent=False, block=False)
ar.wait(60)
ar.wait_for_output(60)
check("engine of error", ar.metadata["engine_id"], rc.ids[0])

# interrupt and abort
ar = one.execute('fmt.Println("on")\nfor {}', block=False)
waiting = one.apply_async(ipp.Reference("sq"), 3)
after = one.apply_async(ipp.Reference("sq"), 4)
while not ar.stdout:
    time.sleep(0.05)
rc.abort(waiting, block=True)
try:
    waiting.get(timeout=60)
    check("abort", "ran", "aborted")
except ipp.error.TaskAborted:
    pass
rc.send_signal(signal.SIGINT, rc.ids[0], block=True)
error("interrupt", lambda: ar.get(timeout=60), "KeyboardInterrupt")
check("after interrupt", after.get(timeout=60), 16)

# a flood of output
ar = one.execute('for { fmt.Println("flood") }', block=False)
while len(ar.stdout) < 1 << 20:
    time.sleep(0.05)
rc.send_signal(signal.SIGINT, rc.ids[0], block=True)
error("flood", lambda: ar.get(timeout=60), "KeyboardInterrupt")
check("after flood", one.apply_sync(ipp.Reference("sq"), 5), 25)

# clear
rc.clear(block=True)
error("cleared", lambda: view["a"], "NameError")

# an engine drains: its task goes to the other, and it ends
view.execute("func sq(x int) int { return x * x }", block=True)
ar = one.execute('fmt.Println("on")\nfor {}', block=False)
while not ar.stdout:
    time.sleep(0.05)
tasks = rc.load_balanced_view().map(ipp.Reference("sq"), range(6), block=False)
time.sleep(0.2)
rc.send_signal(signal.SIGUSR1, rc.ids[0], block=True)
while True:
    refused = one.apply_async(ipp.Reference("sq"), 3)
    refused.wait(0.2)
    if refused.ready():
        break
error("draining", refused.get, "EngineDraining", "is draining")
check("tasks while one drains", tasks.get(timeout=60), [0, 1, 4, 9, 16, 25])
rc.send_signal(signal.SIGINT, rc.ids[0], block=True)
error("what it ran", lambda: ar.get(timeout=60), "KeyboardInterrupt")
deadline = time.time() + 60
while len(rc.ids) > 1 and time.time() < deadline:
    time.sleep(0.05)
check("engines after one has drained", len(rc.ids), 1)
view = rc[:]

# the end
view.apply_sync(ipp.Reference("test.Nop"))
rc.shutdown(block=True)
deadline = time.time() + 60
while rc.ids and time.time() < deadline:
    time.sleep(0.05)
check("engines after shutdown", rc.ids, [])
sys.exit(failures > 0)
