"""Unmodified ipyparallel peers work through a Muster controller.

Run by TestPythonPeers with the profile directory as argument. Engines are
started as users start them; every expectation is an assert.
"""
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time

import ipyparallel as ipp
from ipyparallel import error

PATIENCE = 60
profile_dir = sys.argv[1]


def engine():
    return subprocess.Popen(
        [sys.executable, "-m", "ipyparallel.engine", "--profile-dir", profile_dir],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def until(what, condition):
    deadline = time.time() + PATIENCE
    while not condition():
        assert time.time() < deadline, f"gave up waiting: {what}"
        time.sleep(0.01)


def fails(kind, f, *args, **kwargs):
    try:
        f(*args, **kwargs)
    except kind as e:
        return str(e)
    raise AssertionError(f"{f} did not raise {kind.__name__}")


def refused(ename, ar):
    reason = fails(error.RemoteError, ar.get, PATIENCE)
    assert reason.startswith(ename), reason
    return reason


def story(name):
    print("--", name, flush=True)


def registration(rc):
    until("two engines", lambda: len(rc.ids) == 2)
    assert rc.ids == [0, 1], rc.ids


def direct(rc):
    pids = rc[:].apply_sync(os.getpid)
    assert len(set(pids)) == 2, pids
    assert rc[1].apply_sync(os.getpid) == pids[1]
    rc[:].push({"a": 3}, block=True)
    assert rc[:]["a"] == [3, 3]
    assert "ZeroDivisionError" in fails(error.RemoteError, rc[0].execute, "1/0", block=True)


def output(rc):
    ar = rc[:].execute("import sys; print('out'); print('err', file=sys.stderr); 6 * 7", silent=False)
    ar.get(PATIENCE)
    assert ar.wait_for_output(PATIENCE)
    assert ar.stdout == ["out\n"] * 2, ar.stdout
    assert ar.stderr == ["err\n"] * 2, ar.stderr
    assert [r["data"]["text/plain"] for r in ar.execute_result] == ["42"] * 2


def balanced(rc):
    view = rc.load_balanced_view()
    assert view.map_sync(lambda x: x * x, range(20)) == [x * x for x in range(20)]
    both = {view.apply_sync(os.getpid) for _ in range(6)}
    assert len(both) == 2, "the least recently used engine is next"
    view.targets = 1
    assert view.apply_sync(os.getpid) == rc[1].apply_sync(os.getpid)


def dependencies(rc):
    view = rc.load_balanced_view()

    def task(f, *args, **flags):
        with view.temp_flags(**flags):
            return view.apply_async(f, *args)

    slow = task(time.sleep, 0.2)
    after = task(time.time, after=slow)
    assert task(time.time, after=[slow, after]).get(PATIENCE) >= after.get(PATIENCE)
    assert after.started >= slow.completed, (after.started, slow.completed)
    # Where the first ran, though the other engine is idle.
    here = [task(os.getpid, targets=[i]) for i in (0, 1)]
    pids = [ar.get(PATIENCE) for ar in here]
    for ar, pid in zip(here, pids):
        assert [task(os.getpid, follow=ar).get(PATIENCE) for _ in range(3)] == [pid] * 3
    either = task(os.getpid, follow=ipp.Dependency(here, all=False))
    assert either.get(PATIENCE) in pids
    refused("ImpossibleDependency", task(os.getpid, follow=here))
    # Success and failure.
    bad = task(lambda: 1 / 0)
    hopeless = task(os.getpid, after=bad)
    last = task(os.getpid, after=hopeless)
    cleanup = task(os.getpid, after=ipp.Dependency([bad, slow], success=True, failure=True))
    fails(error.RemoteError, bad.get, PATIENCE)
    refused("ImpossibleDependency", hopeless)
    refused("ImpossibleDependency", last)
    assert cleanup.get(PATIENCE) in pids
    refused("InvalidDependency", task(os.getpid, after=["nothing"]))
    # The time to wait, for others and for an engine.
    blocker = task(time.sleep, 1, targets=[0])
    refused("TaskTimeout", task(os.getpid, after=blocker, timeout=0.2))
    refused("TaskTimeout", task(os.getpid, targets=[0], timeout=0.2))
    blocker.get(PATIENCE)


def retries(rc):
    view = rc.load_balanced_view(retries=1)
    pids = rc[:].apply_sync(os.getpid)

    def only_on(pid):
        import os

        assert os.getpid() == pid, "the wrong engine"
        return pid

    for pid in pids * 2:
        assert view.apply_async(only_on, pid).get(PATIENCE) == pid
    assert "the wrong engine" in fails(error.RemoteError, view.apply_async(only_on, 0).get, PATIENCE)
    # Two engines have all of the retries, and none waits for a third.
    def count(path):
        with open(path, "a") as f:
            f.write(".")
        with open(path) as f:
            assert len(f.read()) == 6, "too early"
        return True

    with tempfile.NamedTemporaryFile() as f:
        view.retries = 5
        assert view.apply_async(count, f.name).get(PATIENCE)
        f.truncate(0)
        view.retries = 4
        assert "too early" in fails(error.RemoteError, view.apply_async(count, f.name).get, PATIENCE)


def conditions(rc):
    """Functions that say where they can run."""
    view = rc.load_balanced_view()
    pids = rc[:].apply_sync(os.getpid)
    rc[:].push({"wanted": pids[1]}, block=True)

    @ipp.depend(lambda pid: __import__("os").getpid() == pid, pids[1])
    def where():
        import os

        return os.getpid()

    assert [view.apply_async(where).get(PATIENCE) for _ in range(4)] == [pids[1]] * 4
    assert view.apply_async(ipp.require("os")(lambda: os.getpid())).get(PATIENCE) in pids
    with view.temp_flags(timeout=2):
        nowhere = view.apply_async(ipp.require("no_such_module")(lambda: 1))
    assert "an engine that may run it: engines 0 and 1: " in refused("TaskTimeout", nowhere)
    with view.temp_flags(targets=[0]):
        nowhere = view.apply_async(where)
    refused("ImpossibleDependency", nowhere)

    # What none would run at first.
    @ipp.depend(lambda: __import__("os").environ.get("READY") == "yes")
    def late():
        return 5

    waiting = view.apply_async(late)
    while not rc.queue_status()["unassigned"]:
        time.sleep(0.01)
    rc[1].apply_sync(lambda: __import__("os").environ.update(READY="yes"))
    assert waiting.get(PATIENCE) == 5


def broadcast(rc, other):
    view = rc.broadcast_view()
    pids = rc[:].apply_sync(os.getpid)
    ar = view.apply_async(os.getpid)
    assert ar.get(PATIENCE) == pids
    assert other.get_result(ar.msg_ids).get(PATIENCE) == pids
    assert set(ar.msg_ids) <= set(rc.hub_history())
    view.is_coalescing = True
    assert sorted(view.apply_sync(os.getpid)) == sorted(pids)
    assert view.apply_sync(lambda: bytes(5000)) == [bytes(5000)] * 2


def control(rc):
    rc[:].push({"gone": 1}, block=True)
    rc.clear(block=True)
    fails(error.RemoteError, rc[0].__getitem__, "gone")
    first, second = rc[0].apply_async(time.sleep, 0.5), rc[0].apply_async(time.sleep, 0)
    rc.abort(second, block=True)
    first.get(PATIENCE)
    fails(error.TaskAborted, second.get, PATIENCE)


def queries(rc, other):
    ar = rc[:].apply_async(lambda: "kept")
    assert ar.get(PATIENCE) == ["kept"] * 2
    assert other.get_result(ar.msg_ids).get(PATIENCE) == ["kept"] * 2
    assert other.result_status(ar.msg_ids, status_only=True)["pending"] == []
    assert set(ar.msg_ids) <= set(rc.hub_history())
    status = rc.queue_status()
    assert status["unassigned"] == 0 and status[0]["queue"] == 0 and status[0]["completed"] > 0, status
    assert ar.msg_ids[0] in rc.queue_status(verbose=True)[0]["completed"]
    fails(IndexError, rc.queue_status, 99)
    records = rc.db_query({"msg_id": ar.msg_ids[0]}, keys=["msg_id", "started", "completed", "engine_uuid"])
    assert len(records) == 1 and records[0]["started"] <= records[0]["completed"], records
    assert records[0]["engine_uuid"] == rc._engines[0]
    assert rc.resubmit(ar.msg_ids[0]).get(PATIENCE) == ["kept"]
    labelled = rc.load_balanced_view().apply_async(lambda: bytes(5000))
    labelled.get(PATIENCE)
    records = rc.db_query(
        {"submitted": {"$gte": ar.submitted[0] if isinstance(ar.submitted, list) else ar.submitted}, "queue": {"$in": ["task"]}, "completed": {"$ne": None}},
        keys=["msg_id", "queue", "result_buffers", "submitted"],
    )
    assert [r["msg_id"] for r in records][-1] == labelled.msg_ids[0], records
    assert len(records[-1]["result_buffers"]) == 2, records[-1]
    assert rc.db_query({"queue": "task", "msg_id": ar.msg_ids[0]}) == []
    assert "unknown operator" in fails(error.RemoteError, rc.db_query, {"queue": {"$like": "t"}})
    rc.purge_hub_results(labelled.msg_ids)
    assert rc.db_query({"msg_id": labelled.msg_ids[0]}) == []
    printed = rc[0].execute("print('kept too')", silent=False)
    printed.get(PATIENCE)
    until("the output is recorded", lambda: rc.db_query({"msg_id": printed.msg_ids[0]}, keys=["stdout"])[0]["stdout"] == "kept too\n")
    rc.purge_hub_results("all")
    assert rc.hub_history() == []
    fails(error.RemoteError, other.result_status, ar.msg_ids)


def death(rc, engines):
    pids = rc[:].apply_sync(os.getpid)
    sleeping = rc[0].apply_async(time.sleep, 600)
    pending = rc.load_balanced_view(targets=0).apply_async(time.sleep, 600)
    until("the task is placed", lambda: rc.queue_status(0)["tasks"] == 1)
    coalesced = rc.broadcast_view()
    coalesced.is_coalescing = True
    shared = coalesced.apply_async(time.sleep, 600)
    each = rc.broadcast_view(targets=[0]).apply_async(lambda: 1)
    start = time.time()
    os.kill(pids[0], signal.SIGKILL)
    until("the engine is gone", lambda: rc.ids == [1])
    print(f"   unregistered after {time.time() - start:.3f} s", flush=True)
    for ar in (sleeping, pending, shared, each):
        reason = fails(error.RemoteError, ar.get, PATIENCE)
        assert "EngineError" in reason and "died while running" in reason, reason
    # The other engine still works on its share of the broadcast, whose reply
    # nobody waits for any more.
    rc.send_signal(signal.SIGINT, targets=[1], block=True)
    assert rc[1].apply_sync(os.getpid) == pids[1]


def poison(rc, engines):
    """A task that kills its engine is tried on three, and not on the fourth."""

    def kill():
        import os

        os.kill(os.getpid(), 9)

    engines += [engine() for _ in range(3)]
    until("four engines", lambda: len(rc.ids) == 4)
    view = rc.load_balanced_view(retries=100)
    reason = refused("EngineError", view.apply_async(kill))
    assert "is not tried again" in reason and reason.count(" ended") == 3, reason
    until("one engine is left", lambda: len(rc.ids) == 1)
    assert view.apply_async(lambda: "alive").get(PATIENCE) == "alive"


def unknown_target(rc):
    uuid = "0" * 8 + "-" + "0" * 24
    future = rc._send(rc._mux_socket, "execute_request", {"code": "1", "silent": True}, ident=uuid.encode(), track_outstanding=True)
    assert future.wait(PATIENCE), "no answer"
    assert "no engine" in str(future.result()), future.result()


def shutdown(rc, other, engines):
    rc.shutdown(hub=True)
    for e in engines:
        e.wait(PATIENCE)
    until("the other client is told", lambda: other._closed)


engines = [engine(), engine()]
try:
    rc, other = (ipp.Client(profile_dir=profile_dir, timeout=PATIENCE) for _ in range(2))
    with contextlib.redirect_stderr(sys.stdout):
        for f, args in [
            (registration, ()),
            (direct, ()),
            (output, ()),
            (balanced, ()),
            (dependencies, ()),
            (retries, ()),
            (conditions, ()),
            (broadcast, (other,)),
            (control, ()),
            (queries, (other,)),
            (death, (engines,)),
            (poison, (engines,)),
            (unknown_target, ()),
            (shutdown, (other, engines)),
        ]:
            story(f.__name__)
            f(rc, *args)
finally:
    for e in engines:
        e.kill()
        e.wait()
print("all is well")
