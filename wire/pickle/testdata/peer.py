"""The Python side of the interop tests: ipyparallel itself, driven over stdin and stdout by lines of JSON.

Request: {"op": .., "expr": .., "frames": [base64, ..]}. Answer: {"frames": [..]} or {"text": ..}; text that is
not empty is what went wrong.
"""
import base64
import json
import math
import os
import pickle
import sys
import traceback

import numpy as np
import ipyparallel as ipp
from ipyparallel.serialize import (
    deserialize_object, pack_apply_message, serialize_object, unpack_apply_message)
from ipyparallel.serialize.canning import Reference


def same(a, b):
    """Equal in type and value, all the way down; NaN equals NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, np.generic):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return repr(a) == repr(b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return set(a) == set(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, Reference):
        return a.name == b.name
    return a == b


def evaluate(expr):
    return eval(expr, globals())



def answer(request):
    op, expr = request["op"], request["expr"]
    frames = [base64.b64decode(f) for f in request["frames"] or []]
    space = {"x": 21, "f": max}
    if op == "serialize":
        return serialize_object(evaluate(expr))
    if op == "pack":
        f, args, kwargs = evaluate(expr)
        return pack_apply_message(f, args, kwargs)
    if op == "deserialize":
        value, rest = deserialize_object(frames, space)
        if rest:
            return "%d frames left over" % len(rest)
    elif op == "unpack":
        value = unpack_apply_message(frames, space)
    else:
        return "unknown op " + op
    want = evaluate(expr)
    return "" if same(value, want) else "got %r, want %r" % (value, want)


for line in sys.stdin:
    try:
        reply = answer(json.loads(line))
    except Exception:
        reply = traceback.format_exc()
    if isinstance(reply, str):
        reply = {"text": reply}
    else:
        reply = {"frames": [base64.b64encode(f).decode() for f in reply]}
    print(json.dumps(reply), flush=True)
