package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// needsNamespaces skips a test, aloud, that plays several hosts.
func needsNamespaces(t *testing.T) {
	t.Helper()
	if err := exec.Command("unshare", "--uts", "--mount", "true").Run(); err != nil {
		t.Skipf("NOT tried: it takes root, and namespaces: unshare --uts --mount: %v", err)
	}
}

// onHost runs ipcluster on a host of another name, which shares all folders.
func (s *site) onHost(name string, args ...string) (string, error) {
	out, err := s.command("unshare", append([]string{"--uts", "sh", "-ec", `hostname "$0"; exec ipcluster "$@"`, name}, args...)...).CombinedOutput()
	return string(out), err
}

// Of starts at the same moment on several hosts one succeeds, and the others say where.
func TestStartsOnSeveralHosts(t *testing.T) {
	needsNamespaces(t)
	s := newSite(t)
	const hosts = 4
	type result struct {
		host, out string
		err       error
	}
	results := make(chan result)
	for i := range hosts {
		go func() {
			host := fmt.Sprintf("login%d", i)
			out, err := s.onHost(host, "start", "-n", "1", "--daemonize")
			results <- result{host, out, err}
		}()
	}
	var up string
	var refused []string
	for range hosts {
		if r := <-results; r.err != nil {
			refused = append(refused, r.out)
		} else if up == "" {
			up = r.host
		} else {
			t.Errorf("up on %s and on %s", up, r.host)
		}
	}
	for _, out := range refused {
		if first, _, _ := strings.Cut(out, "\n"); !strings.HasPrefix(first, "ipcluster: cluster: default runs on "+up+" since ") || !strings.Contains(first, ": stop it there, start under another --cluster-id, or remove ") {
			t.Errorf("it is up on %s; refused with\n%s", up, out)
		}
	}
	if out, err := s.onHost("login9", "stop"); err == nil || !strings.Contains(out, "was started on "+up+": stop it there") {
		t.Errorf("stop on another host: %v, %s", err, out)
	}
	if out, err := s.onHost(up, "stop"); err != nil {
		t.Errorf("stop: %v, %s", err, out)
	}
}

// A profile on a file system that cannot be written is refused before anything runs.
func TestReadOnlyProfile(t *testing.T) {
	needsNamespaces(t)
	s := newSite(t)
	dir := filepath.Join(s.dir, "profile_default")
	for _, folder := range []string{"security", "pid", "log", "startup"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	out, err := s.command("unshare", "--mount", "--propagation", "private", "sh", "-ec",
		`mount --bind "$0" "$0"; mount -o remount,ro,bind "$0"; exec ipcluster start -n 1`, dir).CombinedOutput()
	if want := "ipcluster: profile directory " + dir + ": write to " + dir + "/security: read-only file system: have one where you may write (--profile-dir, IPYTHONDIR)\n"; err == nil || string(out) != want {
		t.Errorf("%v, printed\n%s\nwant\n%s", err, out, want)
	}
}
