"""ipyparallel's own launchers start a cluster with this controller in it.

Run by TestPythonLauncher with the command of the controller as argument.
"""
import os
import sys

import ipyparallel as ipp
from traitlets.config import Config

config = Config()
config.LocalControllerLauncher.controller_cmd = sys.argv[1:]
cluster = ipp.Cluster(n=2, config=config, ipython_dir=os.environ["IPYTHONDIR"])
rc = cluster.start_and_connect_sync()
assert rc.ids == [0, 1], rc.ids
assert len(set(rc[:].apply_sync(os.getpid))) == 2
cluster.stop_cluster_sync()
left = [f for _, _, files in os.walk(os.environ["IPYTHONDIR"]) for f in files if f.endswith(".json")]
assert not left, left
