package engine

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"time"

	"muster/engine/checkpoint"
	"muster/engine/interp"
	"muster/wire"
	"muster/wire/pickle"
)

// saved is package checkpoint as cells know it: what saves a namespace to a file,
// and brings it back.
type saved struct {
	in     *interp.Interp
	stderr io.Writer
	// id is that of the engine, or that it asks for. It is nil before Run.
	id func() (wire.EngineID, error)

	mu     sync.Mutex
	loaded []interp.Content // by what runs, for when it has ended
}

// functions are those that cells call:
//
//	checkpoint.Save(path string) error
//	checkpoint.Load(path string) error
//	checkpoint.File(dir string) string
func (s *saved) functions() map[string]any {
	return map[string]any{"checkpoint.Save": s.save, "checkpoint.Load": s.load, "checkpoint.File": s.file}
}

// save writes the variables and functions that cells have defined to a file, and
// tells on stderr which cannot be, or come back as another type.
func (s *saved) save(path string) error {
	state := &checkpoint.State{Written: time.Now().UTC()}
	var left, changed []string
	contents, err := s.in.Snapshot()
	if err != nil {
		return fmt.Errorf("checkpoint: save: %w", err)
	}
	for _, c := range contents {
		if c.Source != "" {
			state.Functions = append(state.Functions, checkpoint.Function{Name: c.Name, Source: c.Source})
			continue
		}
		v, back, err := packed(c)
		if err != nil {
			left = append(left, fmt.Sprintf("%s (%v)", c.Name, err))
			continue
		}
		if was := reflect.TypeOf(c.Value); back != was {
			changed = append(changed, fmt.Sprintf("%s (a %v, as %v)", c.Name, was, back))
		}
		state.Variables = append(state.Variables, v)
	}
	if len(left) > 0 {
		fmt.Fprintf(s.stderr, "checkpoint: not saved: %s\n", strings.Join(left, ", "))
	}
	if len(changed) > 0 {
		fmt.Fprintf(s.stderr, "checkpoint: saved as another type: %s\n", strings.Join(changed, ", "))
	}
	return state.Write(path)
}

// packed is a variable as it travels, and the type that it comes back as.
func packed(c interp.Content) (v checkpoint.Variable, back reflect.Type, err error) {
	if c.Why != "" {
		return v, nil, errors.New(c.Why)
	}
	v.Name = c.Name
	if v.Frames, err = codec.Serialize(c.Value); err != nil {
		return v, nil, err
	}
	v.GoType = wire.GoType(reflect.TypeOf(c.Value))
	value, err := unpacked(v)
	return v, reflect.TypeOf(value), err
}

// unpacked is the value of a variable.
func unpacked(v checkpoint.Variable) (any, error) {
	value, rest, err := codec.Deserialize(v.Frames)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%d frames too many", len(rest))
	}
	if _, late := value.(pickle.Reference); late {
		return nil, errors.New("a Reference, which stands for a value elsewhere")
	}
	values := map[string]any{v.Name: value}
	typed(values, map[string]string{v.Name: v.GoType})
	return values[v.Name], nil
}

// load reads a file. What is in it is there when the code that calls load has
// ended: until then nothing can refer to it.
func (s *saved) load(path string) error {
	state, err := checkpoint.Read(path)
	if err != nil {
		return err
	}
	var loaded []interp.Content
	for _, v := range state.Variables {
		value, err := unpacked(v)
		if err != nil {
			return fmt.Errorf("checkpoint: read %s: variable %s: %w", path, v.Name, err)
		}
		loaded = append(loaded, interp.Content{Name: v.Name, Value: value})
	}
	for _, f := range state.Functions {
		loaded = append(loaded, interp.Content{Name: f.Name, Source: f.Source})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded = append(s.loaded, loaded...)
	return nil
}

// restore puts what was loaded into the namespace when code has ended, with an
// error or without.
func (s *saved) restore(ended error) error {
	s.mu.Lock()
	loaded := s.loaded
	s.loaded = nil
	s.mu.Unlock()
	if len(loaded) == 0 {
		return ended
	}
	if err := s.in.Replace(loaded); err != nil && ended == nil {
		return fmt.Errorf("checkpoint: load: %w", err)
	}
	return ended
}

// file is where the engine with this engine's id keeps its checkpoint in a folder:
// its successor finds it there. It panics where the engine has none yet.
func (s *saved) file(dir string) string {
	id, err := s.id()
	if err != nil {
		panic(err)
	}
	return filepath.Join(dir, fmt.Sprintf("engine-%d", id))
}

// ownID is the engine's id, or the one that it is going to ask for.
func (e *Engine) ownID() (wire.EngineID, error) {
	switch {
	case e.member.Load() != nil:
		return e.id(), nil
	case e.cfg.ID != nil:
		return *e.cfg.ID, nil
	}
	return 0, errors.New("checkpoint: the engine has no id before it is registered: start it with one (--id, --ids, --mpi)")
}
