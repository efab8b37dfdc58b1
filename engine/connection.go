package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"muster/wire"
)

const (
	// filePoll is how often the file is looked for, while starting only.
	filePoll = 50 * time.Millisecond
	// halfWritten is how long a file may be no connection file: Python's
	// controllers do not write theirs in one step.
	halfWritten = time.Second
)

// A site is where a controller stands.
type site struct {
	conn    *wire.EngineConnection
	file    fs.FileInfo   // as it was when read; nil for connection info given directly
	session *wire.Session // of this engine, signing by the controller's key
}

// connection returns what the connection file says, and the state of the file
// when it did (nil for connection info given directly).
func (e *Engine) connection(ctx context.Context) (*wire.EngineConnection, fs.FileInfo, error) {
	if e.cfg.ConnectionInfo != "" {
		c, err := wire.ParseEngineConnection([]byte(e.cfg.ConnectionInfo))
		if err != nil {
			return nil, nil, fmt.Errorf("engine: connection info (environment variable IPP_CONNECTION_INFO): %w", err)
		}
		return c, nil, nil
	}
	path := e.cfg.ConnectionFile
	start := time.Now()
	var there time.Time // when a file that cannot be used was first seen
	for waiting := false; ; {
		info, _ := os.Stat(path) // Read reports what is wrong
		c, err := wire.ReadEngineConnection(path)
		switch {
		case err == nil:
			return c, info, nil
		case errors.Is(err, fs.ErrNotExist):
			if !waiting {
				waiting = true
				e.log.Info("waiting for the connection file", "file", path, "timeout", e.cfg.FileTimeout)
			}
			if time.Since(start) >= e.cfg.FileTimeout {
				return nil, nil, fmt.Errorf("engine: waited %v: %w", e.cfg.FileTimeout, err)
			}
		case there.IsZero():
			there = time.Now()
		case time.Since(there) >= min(halfWritten, e.cfg.FileTimeout):
			return nil, nil, fmt.Errorf("engine: %w", err)
		}
		if err := pause(ctx, filePoll); err != nil {
			return nil, nil, fmt.Errorf("engine: wait for connection file %s: %w", path, err)
		}
	}
}

// replaced tells whether the connection file is no longer the one of old.
func (e *Engine) replaced(old fs.FileInfo) bool {
	if old == nil {
		return false
	}
	now, err := os.Stat(e.cfg.ConnectionFile)
	return err == nil && (!os.SameFile(old, now) || !now.ModTime().Equal(old.ModTime()) || now.Size() != old.Size())
}

// origin names where the connection came from, for errors.
func (e *Engine) origin() string {
	if e.cfg.ConnectionInfo != "" {
		return "connection info in IPP_CONNECTION_INFO"
	}
	return "connection file " + e.cfg.ConnectionFile
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
