package attach

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"muster/client/tunnel"
	"muster/wire"
)

func TestName(t *testing.T) {
	for _, c := range []struct {
		cfg  tunnel.Config
		want string
	}{
		{tunnel.Config{Destination: "login.example.org"}, "login.example.org"},
		{tunnel.Config{Destination: "me@login.example.org", Profile: "default"}, "login.example.org"},
		{tunnel.Config{Destination: "me@login", Profile: "mpi", ClusterID: "big"}, "login-mpi-big"},
		{tunnel.Config{Destination: "me@login", ProfileDir: "/scratch/me/profile_x"}, "login-x"},
		{tunnel.Config{Destination: "ssh://me@login:2222"}, "login_2222"},
		{tunnel.Config{Destination: "me@realm@login/..", Profile: "a/b"}, "login_..-a_b"},
	} {
		if got := Name(&c.cfg); got != c.want {
			t.Errorf("%+v is %q, want %q", c.cfg, got, c.want)
		}
	}
}

func TestMemory(t *testing.T) {
	p := wire.Profile{Dir: t.TempDir()}
	m, err := Recall(p, "big")
	if err != nil || !m.Seen().IsZero() || !m.Left().IsZero() {
		t.Fatalf("at first: %+v, %v", m, err)
	}
	until := time.Date(2026, 11, 20, 18, 2, 0, 0, time.UTC)
	if err := m.See(until); err != nil {
		t.Fatal(err)
	}
	if m, err = Recall(p, "big"); err != nil || !m.Seen().Equal(until) || time.Since(m.Left()) > time.Minute {
		t.Errorf("recalled: %+v, %v", m, err)
	}
	if info, err := os.Stat(m.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(m.path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Recall(p, "big"); err == nil {
		t.Error("half a file is recalled")
	}
}

func TestErrorLine(t *testing.T) {
	for content, want := range map[string]string{
		`{"status":"error","ename":"ValueError","evalue":"no\nmore"}`: "ValueError: no ...",
		`{"status":"error","ename":"KeyboardInterrupt","evalue":""}`:  "KeyboardInterrupt",
		`{"status":"aborted"}`: "aborted",
		`[`:                    "an answer that cannot be read",
	} {
		if got := errorLine(json.RawMessage(content)); got != want {
			t.Errorf("%s is %q, want %q", content, got, want)
		}
	}
}
