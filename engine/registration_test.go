package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/transport"
	"muster/wire"
)

// fail returns what an engine that cannot join says.
func fail(t *testing.T, cfg Config) error {
	t.Helper()
	if cfg.Network == nil {
		cfg.Network = new(transport.Memory)
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err = e.Run(ctx)
	if err == nil {
		t.Fatal("no error")
	}
	return err
}

func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

func TestFileIsMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ipcontroller-engine.json")
	err := fail(t, Config{ConnectionFile: path, FileTimeout: 10 * time.Millisecond})
	wantError(t, err, path, "does not exist", "is a controller running?")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("the error is not fs.ErrNotExist")
	}
}

func TestFileIsNotJSON(t *testing.T) {
	for _, text := range []string{"", "{", "hello", `{"interface": "tcp://127.0.0.1"}`} {
		path := filepath.Join(t.TempDir(), "ipcontroller-engine.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		wantError(t, fail(t, Config{ConnectionFile: path, FileTimeout: 10 * time.Millisecond}), path)
	}
}

func TestInfoIsNotJSON(t *testing.T) {
	wantError(t, fail(t, Config{ConnectionInfo: "no"}), "IPP_CONNECTION_INFO")
}

// A file that appears while the engine waits is good, also if it is written
// slowly.
func TestFileAppears(t *testing.T) {
	c := newController(t, new(transport.Memory))
	good, err := os.ReadFile(c.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.file, good[:len(good)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, func() { os.WriteFile(c.file, good, 0o600) })
	c.start(Config{})
}

func TestFileIsStale(t *testing.T) {
	c := newController(t, new(transport.Memory))
	err := fail(t, Config{ConnectionFile: c.file, Timeout: 10 * time.Millisecond, Network: c.network})
	wantError(t, err, "no answer", "stale", c.file, c.sockets["registration"].Addr())
	err = fail(t, Config{ConnectionFile: c.file, Timeout: 10 * time.Millisecond, Network: realNetwork(t)})
	wantError(t, err, "no answer", "stale", c.file)
}

// A stale file is replaced by the controller that is just starting.
func TestFileIsReplaced(t *testing.T) {
	stale := newController(t, new(transport.Memory))
	fresh := newController(t, stale.network)
	written := fresh.file
	fresh.file = stale.file
	go func() {
		<-stale.events // asked in vain
		os.Rename(written, stale.file)
	}()
	fresh.start(Config{Timeout: limit})
}

// Of several addresses each is asked; meanwhile a stale file may be replaced.
func TestFileIsReplacedWhileAsked(t *testing.T) {
	stale := newController(t, new(transport.Memory)) // it answers no hello
	stale.conn.Addresses = []string{"127.0.0.1", "127.0.0.2"}
	if err := wire.WriteConnection(stale.file, &stale.conn); err != nil {
		t.Fatal(err)
	}
	err := fail(t, Config{ConnectionFile: stale.file, Timeout: time.Second, Network: stale.network})
	wantError(t, err, stale.file, stale.sockets["registration"].Addr()+": no answer within 1s", "tcp://127.0.0.2:", "connection refused", "ipcontroller --ip")

	fresh := newController(t, stale.network)
	written := fresh.file
	fresh.file = stale.file
	go func() {
		for ev := range stale.events {
			if ev.Header.MsgType == wire.HelloRequest {
				break
			}
		}
		os.Rename(written, stale.file)
	}()
	fresh.start(Config{Timeout: limit})
}

func TestRegistrationIsRefused(t *testing.T) {
	c := newController(t, new(transport.Memory))
	go func() {
		ev := <-c.events
		c.send("registration", ev.Route[0], wire.RegistrationReply, nil, wire.Failure("KeyError", "'heart_id in use'"))
	}()
	err := fail(t, Config{ConnectionFile: c.file, Network: c.network, Timeout: limit})
	wantError(t, err, "refused", "KeyError", "heart_id in use")
}

func TestAnswerHasAnotherKey(t *testing.T) {
	c := newController(t, new(transport.Memory))
	go func() {
		ev := <-c.events
		c.session = wire.NewSession("another key", "")
		c.send("registration", ev.Route[0], wire.RegistrationReply, nil, wire.Registered{Status: "ok", HeartPeriod: 3000})
	}()
	err := fail(t, Config{ConnectionFile: c.file, Network: c.network, Timeout: limit})
	wantError(t, err, "signature", c.file)
}

func TestAsksForItsID(t *testing.T) {
	c := newController(t, new(transport.Memory))
	id := wire.EngineID(3)
	e, err := New(Config{ConnectionFile: c.file, Network: c.network, ID: &id})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	if got := string(c.next("registration").Content); !strings.Contains(got, `"id":3`) {
		t.Errorf("registers as %s", got)
	}
	cancel() // before an answer: the engine was told to end, and that is no error
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// An engine that hears no heartbeat for too long ends, and says why.
func TestControllerIsGone(t *testing.T) {
	c := newController(t, new(transport.Memory))
	c.period = 1
	r := c.start(Config{MissedPings: 1})
	if err := r.wait(); err == nil {
		t.Error("the engine ended without an error")
	} else {
		wantError(t, err, "no heartbeat", "501ms")
	}
	if ev := c.next("registration"); ev.Header.MsgType != wire.UnregistrationRequest || string(ev.Content) != `{"id":7}` {
		t.Errorf("says %s %s in farewell", ev.Header.MsgType, ev.Content)
	}
}

func TestConfig(t *testing.T) {
	negative := wire.EngineID(-1)
	for name, cfg := range map[string]Config{
		"no connection":    {},
		"negative id":      {ConnectionFile: "f", ID: &negative},
		"negative timeout": {ConnectionFile: "f", Timeout: -1},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
