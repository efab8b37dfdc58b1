package test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"muster/wire"
)

// A host is a network namespace of this machine with a host name of its own. It
// is gone with the process that holds it.
type host struct {
	s      *site
	holder *exec.Cmd
}

// newHost makes a host, and has it run commands of ip(8), one a line.
func newHost(s *site, name string) *host {
	s.t.Helper()
	h := &host{s, exec.Command("sleep", "600")}
	h.holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS}
	if err := h.holder.Start(); err != nil {
		s.t.Fatalf("a network namespace, which root can make, is needed (MUSTER_NETNS=none leaves this test out): %v", err)
	}
	s.t.Cleanup(func() { h.holder.Process.Kill(); h.holder.Wait() })
	h.run("hostname", name)
	h.ip("link set lo up")
	return h
}

// on is a command line of a program on the host.
func (h *host) on(args ...string) []string {
	return append([]string{"--target", strconv.Itoa(h.holder.Process.Pid), "--net", "--uts", "--"}, args...)
}

func (h *host) run(args ...string) string {
	h.s.t.Helper()
	return h.s.run("nsenter", h.on(args...)...)
}

func (h *host) ip(commands string) {
	h.s.t.Helper()
	for line := range strings.Lines(commands) {
		if line = strings.TrimSpace(line); line != "" {
			h.run(append([]string{"ip"}, strings.Fields(line)...)...)
		}
	}
}

// background starts a program on the host, until the test ends it. Its output is
// what it has printed so far.
func (h *host) background(args ...string) (end func(), output func() string) {
	h.s.t.Helper()
	c := h.s.command("nsenter", h.on(args...)...)
	out := new(safeBuffer)
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		h.s.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { c.Wait(); close(done) }()
	end = func() {
		c.Process.Signal(syscall.SIGTERM)
		<-done
	}
	h.s.t.Cleanup(func() {
		end()
		if h.s.t.Failed() {
			h.s.t.Logf("%s:\n%s", strings.Join(args, " "), out)
		}
	})
	return end, out.String
}

// safeBuffer is a bytes.Buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// machine is a head node with three networks, and a node that reaches it by the
// last of them: what it sends into the first two disappears.
func machine(t *testing.T) (s *site, head, node *host) {
	without(t, "MUSTER_NETNS")
	s = newSite(t)
	head, node = newHost(s, "head"), newHost(s, "node7")
	head.ip(fmt.Sprintf(`
		link add ib0 type bridge
		addr add 10.77.1.1/24 dev ib0
		link set ib0 up
		link add eth1 type bridge
		addr add 10.77.2.1/24 dev eth1
		link set eth1 up
		link add hsn0 type veth peer name hsn0 netns %d
		addr add 10.77.3.1/24 dev hsn0
		addr add fd77:3::1/64 dev hsn0 nodad
		link set hsn0 up`, node.holder.Process.Pid))
	node.ip(`
		link add void type bridge
		link set void up
		route add 10.77.1.0/24 dev void
		route add 10.77.2.0/24 dev void
		neigh add 10.77.1.1 lladdr 02:00:00:00:00:01 dev void
		neigh add 10.77.2.1 lladdr 02:00:00:00:00:01 dev void
		addr add 10.77.3.2/24 dev hsn0
		addr add fd77:3::2/64 dev hsn0 nodad
		link set hsn0 up`)
	return s, head, node
}

var answers = regexp.MustCompile(`msg="the controller answers" address=(\S+) tried=(\d+) took=(\S+)`)

// found waits until an engine has found its controller, and registered.
func found(s *site, output func() string) (address string, took time.Duration) {
	s.t.Helper()
	s.until("an engine to register", func() bool { return strings.Contains(output(), "msg=registered") })
	m := answers.FindStringSubmatch(output())
	if m == nil {
		return "", 0
	}
	took, err := time.ParseDuration(m[3])
	if err != nil {
		s.t.Fatal(err)
	}
	return m[1], took
}

// controller starts one on a host, and returns what it tells engines.
func (h *host) controller(args ...string) (*wire.EngineConnection, func()) {
	h.s.t.Helper()
	end, _ := h.background(append([]string{"ipcontroller"}, args...)...)
	file := wire.Profile{Dir: filepath.Join(h.s.dir, "profile_default")}.EngineFile("")
	h.s.until("the connection file", func() bool { _, err := os.Stat(file); return err == nil })
	conn, err := wire.ReadEngineConnection(file)
	if err != nil {
		h.s.t.Fatal(err)
	}
	return conn, end
}

// A controller listens on every interface. Engines and clients of another host
// keep the one address that they reach, at once, while what they send to the
// others disappears.
func TestBlackHoles(t *testing.T) {
	s, head, node := machine(t)
	conn, _ := head.controller("--ip", "0.0.0.0")
	if want := []string{"10.77.1.1", "10.77.2.1", "10.77.3.1", "127.0.0.1"}; !slices.Equal(conn.Addresses, want) || conn.Location != "head" {
		t.Errorf("the file has %q and location %q, want %q", conn.Addresses, conn.Location, want)
	}
	best := time.Hour
	for range 4 {
		_, output := node.background("ipengine")
		address, took := found(s, output)
		if address != "10.77.3.1" {
			t.Errorf("an engine keeps %q", address)
		}
		best = min(best, took)
	}
	if best > time.Second {
		t.Errorf("it takes %v to find the controller", best)
	}
	if out := node.run("first"); !strings.Contains(out, "values are back") {
		t.Errorf("a client on the node prints\n%s", out)
	}
}

// A controller listens where it is told by the names of interfaces, and nowhere
// else, by IPv4 and IPv6.
func TestInterfaces(t *testing.T) {
	s, head, node := machine(t)
	_, out := s.fails("nsenter", head.on("ipcontroller", "--ip", "hsn1")...)
	if want := `"hsn1" is no address, and no interface of this host: it has lo (127.0.0.1, ::1), ib0 (10.77.1.1), eth1 (10.77.2.1), hsn0 (10.77.3.1, fd77:3::1)`; !strings.Contains(out, want) {
		t.Errorf("%s\nwant %s", out, want)
	}
	conn, end := head.controller("--ip", "ib0,hsn0")
	if want := []string{"10.77.1.1", "10.77.3.1", "fd77:3::1"}; !slices.Equal(conn.Addresses, want) || conn.Interface != "tcp://10.77.1.1" {
		t.Errorf("the file has interface %s, addresses %q", conn.Interface, conn.Addresses)
	}
	for _, closed := range []string{"10.77.2.1", "127.0.0.1"} {
		s.fails("nsenter", head.on("bash", "-c", fmt.Sprintf("exec 3<>/dev/tcp/%s/%d", closed, conn.Registration))...)
	}
	_, output := node.background("ipengine")
	if address, _ := found(s, output); address != "10.77.3.1" {
		t.Errorf("an engine keeps %q", address)
	}
	node.ip("addr del 10.77.3.2/24 dev hsn0")
	_, output = node.background("ipengine")
	if address, _ := found(s, output); address != "fd77:3::1" {
		t.Errorf("an engine that has IPv6 alone keeps %q", address)
	}
	end()

	// One address is taken without a question, also by an engine of Python.
	node.ip("addr add 10.77.3.2/24 dev hsn0")
	conn, _ = head.controller("--engine-ip", "10.77.3.1", "--ip", "lo")
	if conn.Interface != "tcp://10.77.3.1" || len(conn.Addresses) > 0 {
		t.Errorf("the file has interface %s, addresses %q", conn.Interface, conn.Addresses)
	}
	_, output = node.background("ipengine")
	if address, _ := found(s, output); address != "" {
		t.Errorf("an engine looks for its controller, which is at one address")
	}
	without(t, "MUSTER_PYTHON")
	_, output = node.background("/usr/bin/python3", "-m", "ipyparallel.engine")
	s.until("an engine of Python to register", func() bool { return strings.Contains(output(), "Completed registration") })
}
