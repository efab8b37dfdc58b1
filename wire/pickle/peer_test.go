package pickle_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// python is Debian's, which has ipyparallel as a package of its own.
const python = "/usr/bin/python3"

// peer is a Python process with ipyparallel; see testdata/peer.py.
type peer struct {
	sync.Mutex
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// withPeer starts the peer that all tests share. Where there is none the tests that need it fail on Debian, whose
// packages the Makefile installs, and are skipped elsewhere, which TestMain says aloud.
var withPeer = sync.OnceValues(func() (*peer, error) {
	if out, err := exec.Command(python, "-c", "import numpy, ipyparallel").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("no Python with ipyparallel (make installs python3-ipyparallel and python3-numpy): %w\n%s", err, out)
	}
	cmd := exec.Command(python, "testdata/peer.py")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &peer{cmd: cmd, in: in, out: bufio.NewReader(out)}, cmd.Start()
})

// asked tells TestMain whether any test wanted the peer; fuzzing and benchmarks do not.
var asked atomic.Bool

func TestMain(m *testing.M) {
	code := m.Run()
	if asked.Load() {
		if p, err := withPeer(); err == nil {
			p.in.Close()
			p.cmd.Wait()
		} else if !debian() {
			fmt.Fprintln(os.Stderr, "wire/pickle: THE TESTS AGAINST PYTHON WERE SKIPPED:", err)
		}
	}
	os.Exit(code)
}

func debian() bool {
	_, err := os.Stat("/etc/debian_version")
	return err == nil
}

// ask sends one request to the peer and returns its frames.
func ask(t *testing.T, op, expr string, frames [][]byte) [][]byte {
	t.Helper()
	asked.Store(true)
	p, err := withPeer()
	if err != nil {
		if debian() {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	p.Lock()
	defer p.Unlock()
	request, err := json.Marshal(map[string]any{"op": op, "expr": expr, "frames": frames})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.in.Write(append(request, '\n')); err != nil {
		t.Fatal(err)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var reply struct {
		Frames [][]byte
		Text   string
	}
	if err := json.Unmarshal(line, &reply); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	if reply.Text != "" {
		t.Fatalf("Python: %s %.200s: %s", op, expr, strings.TrimSpace(reply.Text))
	}
	return reply.Frames
}
