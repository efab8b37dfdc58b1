package attach

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"muster/client/tunnel"
	"muster/wire"
)

// Config says which cluster is attached to, and to which profile here.
type Config struct {
	Tunnel tunnel.Config
	Local  wire.Profile // it is made if it is not there
}

// An Attachment is a tunnel with a profile at this end.
type Attachment struct {
	*tunnel.Tunnel
	*Memory
	lock *os.File
	file string
}

// Name is what the profile here is called: the host, with the cluster's profile and id
// there if these are not the usual ones.
func Name(cfg *tunnel.Config) string {
	name := strings.TrimPrefix(cfg.Destination, "ssh://")
	name = name[strings.LastIndexByte(name, '@')+1:] // without the user
	profile := cfg.Profile
	if cfg.ProfileDir != "" {
		profile = strings.TrimPrefix(filepath.Base(cfg.ProfileDir), "profile_")
	}
	if profile != "" && profile != "default" {
		name += "-" + profile
	}
	if cfg.ClusterID != "" {
		name += "-" + cfg.ClusterID
	}
	return strange.ReplaceAllString(name, "_")
}

var strange = regexp.MustCompile(`[^A-Za-z0-9._-]`)

// Open connects, and leaves a connection file in the profile here. It is removed when the
// attachment is closed, or this process ends. There is one attachment to a
// profile at a time.
func Open(ctx context.Context, cfg Config) (*Attachment, error) {
	if err := cfg.Local.Create(); err != nil {
		return nil, fmt.Errorf("attach: %w", err)
	}
	a := &Attachment{file: cfg.Local.ClientFile("")}
	var err error
	if a.lock, err = takeLock(ctx, filepath.Join(cfg.Local.PidDir(), "attach.lock")); err != nil {
		return nil, fmt.Errorf("attach: profile %s: %w", cfg.Local.Dir, err)
	}
	if err = a.open(ctx, cfg); err != nil {
		a.lock.Close()
		return nil, err
	}
	return a, nil
}

// open is Open under the lock.
func (a *Attachment) open(ctx context.Context, cfg Config) error {
	switch conn, err := wire.ReadClientConnection(a.file); {
	case errors.Is(err, os.ErrNotExist):
	case err == nil && conn.Via != "": // of a machine that lost its power
	default:
		return fmt.Errorf("attach: %s is a cluster's of this machine: take another profile (--name)", a.file)
	}
	var err error
	if a.Memory, err = Recall(cfg.Local, ""); err != nil {
		return err
	}
	cfg.Tunnel.Remove, cfg.Tunnel.Hold = []string{a.file}, a.lock
	if a.Tunnel, err = tunnel.Open(ctx, cfg.Tunnel); err != nil {
		return err
	}
	if err := wire.WriteConnection(a.file, a.Connection()); err != nil {
		return errors.Join(fmt.Errorf("attach: %w", err), a.Tunnel.Close())
	}
	return nil
}

// File is the connection file here.
func (a *Attachment) File() string { return a.file }

// Renew is that of the tunnel, and tells the clients here where the controller is now.
func (a *Attachment) Renew(ctx context.Context) error { return a.again(ctx, a.Tunnel.Renew) }

// Login is that of the tunnel, likewise.
func (a *Attachment) Login(ctx context.Context) error { return a.again(ctx, a.Tunnel.Login) }

func (a *Attachment) again(ctx context.Context, renew func(context.Context) error) error {
	before := a.Connection()
	if err := renew(ctx); err != nil {
		return err
	}
	if now := a.Connection(); now.Key != before.Key {
		return wire.WriteConnection(a.file, now)
	}
	return nil
}

// Close ends the connection. What was begun in the cluster goes on.
func (a *Attachment) Close() error {
	return errors.Join(a.Tunnel.Close(), a.lock.Close())
}

// lockLimit is how long the end of another attachment is waited for: the guard of a process
// that was killed may be clearing up.
const lockLimit = 2 * time.Second

// takeLock locks a file, until it is closed by all who hold it.
func takeLock(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lockLimit)
	defer cancel()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		select {
		case <-ctx.Done():
			f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, errors.New("it is attached already, by another ipcluster: use that, or end it; another profile (--name) takes a second one")
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
