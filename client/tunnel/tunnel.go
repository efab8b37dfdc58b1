package tunnel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"

	"muster/wire"
)

// Config says which controller is meant, and how ssh gets there.
type Config struct {
	// Destination is what ssh calls the host: "me@login.example.org", or a Host of
	// its configuration.
	Destination string
	// Command is ssh and words for it, as in ["ssh", "-F", "cluster.conf"]; empty is ssh alone.
	Command []string
	// Profile, ProfileDir, IPythonDir and ClusterID select the cluster there, as they
	// do here. Relative paths begin at the home directory.
	Profile, ProfileDir, IPythonDir, ClusterID string
	// Connection, if it is not nil, is the controller's: nothing is read there.
	Connection *wire.ClientConnection
	// Batch keeps ssh from asking for a password, a code or a host's key, which it
	// otherwise does where there is a terminal, or a program for it (SSH_ASKPASS).
	Batch bool
	// Remove are files that go with the tunnel, however it ends, and Hold is kept open until
	// they have gone.
	Remove []string
	Hold   *os.File
	Log    *slog.Logger // nil is silence
}

// A Tunnel is the way to a controller. Its methods may be called from any
// goroutine, and one after the other do what they say.
type Tunnel struct {
	cfg   Config
	dir   *folder
	local wire.ClientConnection // set by the first Renew

	mu     sync.Mutex // guards what follows
	link   *link      // nil before the first one
	open   []forward
	closed bool
}

// Open connects, and returns when the controller's ports can be connected to. A
// prompt of ssh, on the terminal, takes as long as ctx lasts.
func Open(ctx context.Context, cfg Config) (*Tunnel, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if len(cfg.Command) == 0 {
		cfg.Command = []string{"ssh"}
	}
	if cfg.Destination == "" || strings.HasPrefix(cfg.Destination, "-") || strings.ContainsAny(cfg.Destination, " \t\n") {
		return nil, fmt.Errorf("tunnel: destination %q: want what ssh calls the host, as in me@login.example.org", cfg.Destination)
	}
	dir, err := newFolder(cfg.Remove, cfg.Hold)
	if err != nil {
		return nil, fmt.Errorf("tunnel: %w", err)
	}
	t := &Tunnel{cfg: cfg, dir: dir}
	if err := t.renew(ctx, cfg.Batch); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// ErrClosed is the error of a tunnel that has been closed.
var ErrClosed = errors.New("tunnel: closed")

// Connection is the controller's, with addresses by which it is reached from
// here, and with Via. It stays the same while the tunnel does, but for what the
// controller itself has changed (its key, when it was started anew).
func (t *Tunnel) Connection() *wire.ClientConnection {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.local
	return &c
}

// Done returns a channel that closes when the present connection has ended.
func (t *Tunnel) Done() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.link.done
}

// Renew connects again if the connection has ended, without a question to the user, and
// reads the controller's connection file again, which tells where it is now. An
// error that is ErrNoController says that ssh is well and the controller is not there.
func (t *Tunnel) Renew(ctx context.Context) error { return t.renew(ctx, true) }

// Login is Renew, but ssh may ask for what it needs.
func (t *Tunnel) Login(ctx context.Context) error { return t.renew(ctx, t.cfg.Batch) }

func (t *Tunnel) renew(ctx context.Context, batch bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	if t.link == nil || t.link.ended() {
		if t.link != nil {
			t.link.close()
		}
		t.open = nil
		l, err := dial(ctx, &t.cfg, t.dir, batch || !mayAsk())
		if l != nil {
			t.link = l
		}
		if err != nil {
			return t.failed(err)
		}
		t.cfg.Log.Info("connected by ssh", "to", t.cfg.Destination, "shared", l.shared != "")
	}
	file, err := t.link.fetch(ctx, &t.cfg)
	if err != nil {
		return t.failed(err)
	}
	if err := t.forward(ctx, file); err != nil {
		return t.failed(err)
	}
	return nil
}

func (t *Tunnel) failed(err error) error {
	return fmt.Errorf("tunnel: reach the controller by ssh %s: %w", t.cfg.Destination, err)
}

// Close ends the connection, and removes the sockets. Another's connection
// (ControlMaster) is left as it was.
func (t *Tunnel) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	if t.link != nil {
		t.link.close()
	}
	return t.dir.close()
}

// mayAsk tells whether ssh has a way to ask: a terminal in whose foreground this
// process is, or a program for it.
func mayAsk() bool {
	if os.Getenv("SSH_ASKPASS") != "" && (os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "" || os.Getenv("SSH_ASKPASS_REQUIRE") != "") {
		return true
	}
	return inForeground()
}
