package cluster

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/cluster/clustertest"
	"muster/launcher"
	"muster/wire"
)

// Numbers in a stale record may have been given to others since.
func TestStopSparesStrangers(t *testing.T) {
	p := clustertest.Profile(t)
	stranger := exec.Command("sleep", "1000")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stranger.Process.Kill(); stranger.Wait() }()
	other, err := launcher.Identify(stranger.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	old := launcher.Process{PID: other.PID, Start: "an earlier boot"}
	r := &Record{ProfileDir: p.Dir, Host: hostname(), Up: true, Supervisor: old,
		Controller: launcher.Handle{Processes: []launcher.Process{old}}, Sets: []Set{{Handle: launcher.Handle{Processes: []launcher.Process{old}}}}}
	if err := r.Profile().Create(); err != nil {
		t.Fatal(err)
	}
	if err := r.write(); err != nil {
		t.Fatal(err)
	}
	if s := r.State(); s != Stale {
		t.Errorf("state %v", s)
	}
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !other.Alive() {
		t.Error("a stranger was ended")
	}
	clustertest.NothingLeft(t, r.Profile())
}

func TestRecordOfAnotherMachine(t *testing.T) {
	p := clustertest.Profile(t)
	r := &Record{ProfileDir: p.Dir, Host: "login07", Started: time.Now(), Supervisor: launcher.Process{PID: os.Getpid(), Start: "x"}}
	if err := r.Profile().Create(); err != nil {
		t.Fatal(err)
	}
	if err := r.write(); err != nil {
		t.Fatal(err)
	}
	if s := r.State(); s != Elsewhere {
		t.Errorf("state %v", s)
	}
	if err := r.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), "started on login07") {
		t.Errorf("stop: %v", err)
	}
	if _, err := Start(t.Context(), config(p, 1)); err == nil || !strings.Contains(err.Error(), "runs on login07") {
		t.Errorf("start: %v", err)
	}
	if err := r.remove(); err != nil {
		t.Fatal(err)
	}
}

func TestRecordErrors(t *testing.T) {
	dir := t.TempDir()
	p := wire.Profile{Dir: dir}
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.PidDir(), "ipcluster-bad.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := &Record{ProfileDir: dir, Host: hostname()}
	if err := good.write(); err != nil {
		t.Fatal(err)
	}
	records, err := List(p)
	if len(records) != 1 || err == nil || !strings.Contains(err.Error(), "ipcluster-bad.json") {
		t.Errorf("%v, %v", records, err)
	}
}

// A record is read from a folder that only its owner can write, and yet
// nothing in it is believed about where it lies.
func FuzzRecord(f *testing.F) {
	b, err := json.Marshal(&Record{ProfileDir: "/x", ClusterID: "../y", Controller: launcher.Handle{Processes: []launcher.Process{{PID: -1, Start: "s"}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "profile_p", "pid", "ipcluster-id.json")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := read(path)
		if err == nil && r.Path() != path {
			t.Errorf("a record at %s says it is %s", path, r.Path())
		}
		if err == nil {
			r.State()
		}
	})
}
