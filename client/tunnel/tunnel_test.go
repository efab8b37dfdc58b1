package tunnel

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/controller"
	"muster/launcher/launchertest"
	"muster/transport"
	"muster/transport/zmq"
	"muster/wire"
)

// site is a host behind ssh with a controller.
type site struct {
	*launchertest.SSHD
	root    string // IPYTHONDIR there
	profile wire.Profile
	stop    func()
}

func newSite(t *testing.T) *site {
	s := &site{SSHD: launchertest.NewSSHD(t), root: t.TempDir()}
	s.profile = wire.Profile{Dir: filepath.Join(s.root, "profile_default")}
	s.start(t)
	return s
}

// start runs a controller there.
func (s *site) start(t *testing.T) {
	c, err := controller.New(controller.Config{Profile: s.profile})
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	stopped := false
	s.stop = func() {
		if !stopped {
			stopped = true
			cancel()
			check(t, <-done)
		}
	}
	t.Cleanup(s.stop)
}

func (s *site) config(host string) Config {
	return Config{Destination: host, Command: []string{"ssh", "-F", s.Config}, IPythonDir: s.root, Batch: true}
}

func (s *site) open(t *testing.T, cfg Config) *Tunnel {
	tunnel, err := Open(limited(t), cfg)
	check(t, err)
	t.Cleanup(func() { check(t, tunnel.Close()) })
	return tunnel
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func hostname(t *testing.T) string {
	name, err := os.Hostname()
	check(t, err)
	return name
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// asks has a controller say who it is, by way of a tunnel.
func asks(t *testing.T, conn *wire.ClientConnection) {
	t.Helper()
	network, err := zmq.New()
	check(t, err)
	defer network.Close()
	socket, err := network.Dial(transport.Dealer, conn.URL(conn.Registration), transport.Options{})
	check(t, err)
	defer socket.Close()
	session := wire.NewSession(conn.Key, "")
	_, frames, err := session.Frames(wire.ConnectionRequest, nil, nil, struct{}{})
	check(t, err)
	check(t, socket.Send(frames))
	late := time.AfterFunc(time.Minute, func() { socket.Close() })
	defer late.Stop()
	frames, err = socket.Recv()
	check(t, err)
	m, err := session.Decode(frames)
	check(t, err)
	if m.Header.MsgType != wire.ConnectionReply {
		t.Errorf("reply is %s", m.Header.MsgType)
	}
}

// A controller is asked by way of ssh, on a host and on one behind it. Nobody else may use
// the sockets, and they are gone in the end.
func TestOpen(t *testing.T) {
	s := newSite(t)
	for _, host := range []string{"n1", "far"} {
		tunnel := s.open(t, s.config(host))
		conn := tunnel.Connection()
		if conn.Via != host || !strings.HasPrefix(conn.Interface, "ipc:///") {
			t.Errorf("via %q, interface %q", conn.Via, conn.Interface)
		}
		asks(t, conn)
		dir := tunnel.dir.path
		files, err := os.ReadDir(dir)
		check(t, err)
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 || len(files) < 8 {
			t.Errorf("folder %v, %v, %v", info.Mode(), files, err)
		}
		for _, f := range files {
			if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", f.Name(), info.Mode(), err)
			}
		}
		ssh := tunnel.link.ssh.Process.Pid
		check(t, tunnel.Close())
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder is left: %v", err)
		}
		if err := syscall.Kill(ssh, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("ssh is left: %v", err)
		}
		if err := tunnel.Renew(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("renewed: %v", err)
		}
	}
}

// Of several addresses, one of which nobody reaches, the one is taken that answers.
func TestAddresses(t *testing.T) {
	s := newSite(t)
	conn, err := wire.ReadClientConnection(s.profile.ClientFile(""))
	check(t, err)
	cfg := s.config("n1")
	cfg.Connection = conn
	conn.Interface, conn.Addresses, conn.Location = "tcp://0.0.0.0", []string{"127.0.0.2", "127.0.0.1"}, hostname(t)
	tunnel := s.open(t, cfg)
	asks(t, tunnel.Connection())
	if left, err := filepath.Glob(tunnel.dir.file("try*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	check(t, tunnel.Close())
	conn.Interface, conn.Addresses = "tcp://127.0.0.2", []string{"127.0.0.3"}
	if _, err := Open(limited(t), cfg); !errors.Is(err, ErrNoController) || !strings.Contains(err.Error(), "127.0.0.2:") || !strings.Contains(err.Error(), "127.0.0.3:") {
		t.Errorf("where nobody is: %v", err)
	}
}

// The connection breaks, and is made again with the same sockets.
func TestRenew(t *testing.T) {
	s := newSite(t)
	tunnel := s.open(t, s.config("n1"))
	before := *tunnel.Connection()
	check(t, tunnel.Renew(limited(t))) // nothing to do
	for range 2 {
		done := tunnel.Done()
		check(t, tunnel.link.ssh.Process.Kill())
		<-done
		check(t, tunnel.Renew(limited(t)))
		if now := *tunnel.Connection(); !reflect.DeepEqual(now, before) {
			t.Errorf("connection %+v, was %+v", now, before)
		}
		asks(t, tunnel.Connection())
	}
	s.stop() // which takes its file with it
	if err := tunnel.Renew(limited(t)); !errors.Is(err, ErrNoController) || !strings.Contains(err.Error(), "ipcluster start") {
		t.Errorf("without a controller: %v", err)
	}
	s.start(t) // elsewhere, with another key
	check(t, tunnel.Renew(limited(t)))
	if now := *tunnel.Connection(); now.Key == before.Key || now.Interface != before.Interface {
		t.Errorf("connection %+v", now)
	}
	asks(t, tunnel.Connection())
}

// A connection that the user keeps open is used, and left as it was.
func TestShared(t *testing.T) {
	s := newSite(t)
	control := filepath.Join(t.TempDir(), "100%")
	options := []string{"-o", "ControlPath=" + strings.ReplaceAll(control, "%", "%%")}
	master := exec.Command("ssh", append([]string{"-F", s.Config, "-M", "-N"}, append(options, "n1")...)...)
	check(t, master.Start())
	defer func() {
		master.Process.Kill()
		master.Wait()
	}()
	for ctx := limited(t); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(control); err == nil {
			break
		}
		check(t, ctx.Err())
	}
	cfg := s.config("n1")
	cfg.Command = append(cfg.Command, options...)
	for range 2 {
		tunnel := s.open(t, cfg)
		if tunnel.link.shared != control {
			t.Errorf("shared is %q, want %q", tunnel.link.shared, control)
		}
		asks(t, tunnel.Connection())
		tunnel.link.ssh.Process.Kill() // the session alone
		<-tunnel.Done()
		check(t, tunnel.Renew(limited(t)))
		asks(t, tunnel.Connection())
		dir := tunnel.dir.path
		check(t, tunnel.Close())
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder is left: %v", err)
		}
	}
	tunnel := s.open(t, cfg)
	master.Process.Kill()
	<-tunnel.Done()
	check(t, tunnel.Renew(limited(t)))
	if tunnel.link.shared != "" {
		t.Errorf("a connection that has ended is shared: %q", tunnel.link.shared)
	}
	asks(t, tunnel.Connection())
}

func TestErrors(t *testing.T) {
	s := newSite(t)
	s.stop()
	stale := func(t *testing.T, change func(*wire.ClientConnection)) {
		conn := &wire.ClientConnection{Endpoint: wire.Endpoint{
			Interface: "tcp://127.0.0.1", Registration: 1, Control: 1, Mux: 1, Task: 1, IOPub: 1, Key: "k",
			Pack: "json", Unpack: "json", SignatureScheme: wire.SignatureScheme,
		}, Notification: 1, Broadcast: 1, TaskScheme: "leastload"}
		change(conn)
		check(t, wire.WriteConnection(s.profile.ClientFile(""), conn))
	}
	write := func(t *testing.T, text string) {
		check(t, os.WriteFile(s.profile.ClientFile(""), []byte(text), 0o600))
	}
	strange := filepath.Join(t.TempDir(), "strange_hosts")
	key, err := os.ReadFile(filepath.Join(filepath.Dir(s.Config), "other.pub"))
	check(t, err)
	check(t, os.WriteFile(strange, append([]byte("* "), key...), 0o600))
	for _, c := range []struct {
		name  string
		make  func(t *testing.T)
		alter func(*Config)
		is    error
		want  string
	}{
		{"no cluster", func(t *testing.T) {}, nil, ErrNoController, "has no " + s.profile.ClientFile("") + ": start a cluster there"},
		{"another cluster", func(t *testing.T) { stale(t, func(*wire.ClientConnection) {}) }, func(c *Config) { c.Profile, c.ClusterID = "it's", "x" }, ErrNoController,
			"has no " + s.root + "/profile_it's/security/ipcontroller-x-client.json; there is --profile default"},
		{"controller gone", func(t *testing.T) {}, nil, ErrNoController, "the file on"},
		{"on another host", func(t *testing.T) { stale(t, func(c *wire.ClientConnection) { c.Location = "elsewhere" }) }, nil, ErrNoController, "it runs on elsewhere and listens on the loopback"},
		{"not reached", func(t *testing.T) { stale(t, func(c *wire.ClientConnection) { c.Interface = "tcp://127.0.0.2" }) }, nil, ErrNoController, "127.0.0.2:1"},
		{"no file", func(t *testing.T) { write(t, "mux = 3") }, nil, nil, "not a connection file"},
		{"large file", func(t *testing.T) { write(t, strings.Repeat("x", maxFile+1)) }, nil, nil, "larger than"},
		{"very large file", func(t *testing.T) { write(t, strings.Repeat("\n", 3*maxFile)) }, nil, nil, "larger than"},
		{"no key fits", func(t *testing.T) {}, func(c *Config) { c.Destination = "closed" }, ErrLogin, "ssh-add"},
		{"strange host", func(t *testing.T) {}, func(c *Config) { c.Command = append(c.Command, "-o", "UserKnownHostsFile="+strange) }, nil, "ssh-keygen -R"},
		{"unknown host", func(t *testing.T) {}, func(c *Config) { c.Command = append(c.Command, "-o", "UserKnownHostsFile=none") }, nil, "log in once by hand"},
		{"nobody listens", func(t *testing.T) {}, func(c *Config) { c.Command = append(c.Command, "-o", "Port=1") }, nil, "Connection refused: does this work: ssh"},
		{"no ssh", func(t *testing.T) {}, func(c *Config) { c.Command = []string{"/nonexistent/ssh"} }, os.ErrNotExist, "install it"},
		{"no host", func(t *testing.T) {}, func(c *Config) { c.Destination = "-oProxyCommand=x" }, nil, "want what ssh calls the host"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.make(t)
			cfg := s.config("n1")
			if c.alter != nil {
				c.alter(&cfg)
			}
			tunnel, err := Open(limited(t), cfg)
			if err == nil {
				tunnel.Close()
			}
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant it to be %v and to say %q", err, c.is, c.want)
			}
		})
	}
}

// What has the shape of a file is one, whatever else is printed.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("Welcome\r\nm host vm\nm file /x\n{}\nm end\n"))
	f.Add([]byte("m missing /x\nm other /profile_a/security/ipcontroller-b-client.json\nm end\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := readAnswer(bufio.NewReader(bytes.NewReader(b)), "m", "end")
		if err == nil && !bytes.Contains(b, []byte("m end")) || len(a.content) > maxFile+maxNoise {
			t.Errorf("%q is %+v, %v", b, a, err)
		}
	})
}

// A host that never answers is given up with the context.
func TestSilence(t *testing.T) {
	s := newSite(t)
	cfg := s.config("n1")
	cfg.Command = append(cfg.Command, "-o", "ProxyCommand=sleep 1000")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, cfg); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "does this work: ssh") {
		t.Errorf("error is %v", err)
	}
}
