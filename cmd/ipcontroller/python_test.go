package main

import (
	"os"
	"os/exec"
	"testing"
)

// python is where Debian has the peers (package python3-ipyparallel).
const python = "/usr/bin/python3"

// ipyparallel's launchers start this controller in place of their own.
func TestPythonLauncher(t *testing.T) {
	if err := exec.Command(python, "-c", "import ipyparallel").Run(); err != nil {
		if _, debian := os.Stat("/etc/debian_version"); debian == nil {
			t.Fatalf("the Python peers are missing: apt-get install python3-ipyparallel: %v", err)
		}
		t.Skip("NOT RUN: there is no python3 with ipyparallel, its launchers did not start ipcontroller")
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/cluster.py", os.Args[0])
	cmd.Env = append(os.Environ(), "TEST_RUN_MAIN=1", "IPYTHONDIR="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
