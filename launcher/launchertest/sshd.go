package launchertest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An SSHD is a real sshd on loopback, with keys of its own, and the configuration by
// which ssh reaches it and nothing else.
type SSHD struct {
	Config string // a file for ssh -F: hosts n1, n2 and *.example.org, far, which is behind n1, and closed, where no key fits
	Log    string // what sshd says

	pid int
}

// Cut ends all connections that there are, as the end of a network does.
func (s *SSHD) Cut(t testing.TB) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	cut := 0
	for _, file := range stats {
		b, _ := os.ReadFile(file) // of one that has ended
		var pid, parent int
		var state string
		name := strings.LastIndexByte(string(b), ')')
		if name < 0 {
			continue
		}
		if _, err := fmt.Sscan(string(b[name+1:]), &state, &parent); err != nil || parent != s.pid {
			continue
		}
		if _, err := fmt.Sscan(string(b), &pid); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
		cut++
	}
	if cut == 0 {
		t.Fatal("there is no connection to cut")
	}
}

// SetAway has ssh find no host any more, or find it again.
func (s *SSHD) SetAway(t testing.TB, away bool) {
	t.Helper()
	text, err := os.ReadFile(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	const here, nowhere = "  HostName 127.0.0.1\n", "  HostName 127.0.0.1\n  ProxyCommand false\n"
	changed := strings.Replace(string(text), nowhere, here, 1)
	if away {
		changed = strings.Replace(changed, here, nowhere, 1)
	}
	if err := os.WriteFile(s.Config+".next", []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(s.Config+".next", s.Config); err != nil {
		t.Fatal(err)
	}
}

// NewSSHD starts an sshd that ends with the test. It needs openssh-server. Who logs in has
// variables of the environment, as in "A=b".
func NewSSHD(t testing.TB, env ...string) *SSHD {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: sshd is brought up on Linux alone")
	}
	sshd, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		t.Fatalf("there is no sshd (./setup.sh test installs openssh-server): %v", err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &SSHD{Config: filepath.Join(dir, "ssh_config"), Log: filepath.Join(dir, "sshd.log")}
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	for _, key := range []string{"host", "user", "other"} {
		run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key))
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(text, "DIR/", dir+"/")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	user, err := os.ReadFile(filepath.Join(dir, "user.pub"))
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.ReadFile(filepath.Join(dir, "host.pub"))
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	write("authorized_keys", string(user))
	write("known_hosts", "* "+string(host))
	write("sshd_config", fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nHostKey DIR/host\nAuthorizedKeysFile DIR/authorized_keys\nStrictModes no\nUsePAM no\n"+
		"PasswordAuthentication no\nKbdInteractiveAuthentication no\nPidFile none\nPermitRootLogin yes\nAllowTcpForwarding yes\n%s", port, setEnv(env)))
	write("ssh_config", fmt.Sprintf("Host far\n  ProxyCommand ssh -F DIR/ssh_config -W %%h:%%p n1\nHost closed\n  IdentityFile DIR/other\nHost n1 n2 far *.example.org\n  IdentityFile DIR/user\n"+
		"Host *\n  HostName 127.0.0.1\n  Port %d\n  User %s\n  IdentitiesOnly yes\n  IdentityAgent none\n"+
		"  UserKnownHostsFile DIR/known_hosts\n  StrictHostKeyChecking yes\n", port, me.Username))
	if os.Geteuid() == 0 { // sshd wants its empty directory
		if err := os.Mkdir("/run/sshd", 0o755); err == nil {
			t.Cleanup(func() { os.Remove("/run/sshd") })
		} else if !errors.Is(err, os.ErrExist) {
			t.Fatal(err)
		}
	}
	log, err := os.Create(s.Log)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(sshd, "-D", "-e", "-f", filepath.Join(dir, "sshd_config"))
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log.Close()
	s.pid = cmd.Process.Pid
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			conn.Close()
			return s
		}
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(s.Log)
			t.Fatalf("sshd does not listen: %s", said)
		}
	}
}

// setEnv is the line of sshd's configuration for an environment.
func setEnv(env []string) string {
	if len(env) == 0 {
		return ""
	}
	line := "SetEnv"
	for _, v := range env {
		line += fmt.Sprintf(" %q", v)
	}
	return line + "\n"
}

// Program makes a program "ssh" that knows the hosts, whatever user is named, and returns its folder.
func (s *SSHD) Program(t testing.TB) string {
	t.Helper()
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\nexec %s -F %s -o User=%s \"$@\"\n", ssh, s.Config, me.Username)
	if err := os.WriteFile(filepath.Join(bin, "ssh"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return bin
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
