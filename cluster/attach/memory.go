package attach

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"muster/wire"
)

// A Memory is what is remembered of a cluster from one time to the next.
type Memory struct {
	path string
	kept struct {
		// Seen is when the last call ended that was told of, by the controller's clock,
		// and Left when this machine was last attached, by its own.
		Seen wire.Time `json:"seen"`
		Left wire.Time `json:"left"`
	}
}

// Recall reads what is remembered of a profile's cluster.
func Recall(p wire.Profile, clusterID string) (*Memory, error) {
	name := "attach.json"
	if clusterID != "" {
		name = "attach-" + clusterID + ".json"
	}
	m := &Memory{path: filepath.Join(p.Dir, filepath.Base(name))}
	b, err := os.ReadFile(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &m.kept)
	}
	if err != nil {
		return nil, fmt.Errorf("attach: what is remembered of the cluster: %s: %w: remove it to begin anew", m.path, err)
	}
	return m, nil
}

// Seen is when the last call ended that was told of, by the controller's clock. It is
// zero the first time.
func (m *Memory) Seen() time.Time { return m.kept.Seen.Time }

// Left is when the cluster was last looked at, by this machine's clock.
func (m *Memory) Left() time.Time { return m.kept.Left.Time }

// See remembers what has been told of.
func (m *Memory) See(until time.Time) error {
	m.kept.Seen, m.kept.Left = wire.Time{Time: until}, wire.Now()
	b, err := json.Marshal(m.kept)
	if err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	next := m.path + ".next"
	if err := os.WriteFile(next, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	if err := os.Rename(next, m.path); err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	return nil
}
