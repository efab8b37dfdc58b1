package hub

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"muster/wire"
)

// check walks the whole state: every index agrees with every other, and no
// bound is passed.
func check(t *testing.T, m *Machine) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Fatalf("invariant: "+format, args...)
	}
	ids := make(map[wire.EngineID]bool)
	for _, e := range append(m.engines[:len(m.engines):len(m.engines)], m.pending...) {
		if ids[e.id] {
			fail("engine id %d is given twice", e.id)
		}
		ids[e.id] = true
		if e.id >= m.nextID {
			fail("engine id %d will be given again: next is %d", e.id, m.nextID)
		}
	}
	if len(m.byUUID) != len(m.engines) || len(m.byID) != len(m.engines) {
		fail("%d engines, %d uuids, %d ids", len(m.engines), len(m.byUUID), len(m.byID))
	}
	for _, e := range m.engines {
		if m.byUUID[e.uuid] != e || m.byID[e.id] != e {
			fail("engine %d is not found by id or uuid", e.id)
		}
		queue, tasks := 0, 0
		for _, x := range m.tasks.tasks {
			if x.on == e && x.pending() {
				if x.queue == Task {
					tasks++
				} else {
					queue++
				}
			}
		}
		if queue != e.queue || tasks != e.tasks {
			fail("engine %d counts %d and %d tasks, has %d and %d", e.id, e.queue, e.tasks, queue, tasks)
		}
	}
	s := &m.tasks
	held, bytes, unassigned := 0, 0, 0
	for id, x := range s.tasks {
		if x.id != id {
			fail("task %s is filed under %s", x.id, id)
		}
		if x.pending() && x.engine == "" {
			unassigned++
		}
		if x.dropped {
			if !x.pending() || x.size() > 0 {
				fail("task %s was dropped and is still there", id)
			}
			continue
		}
		held++
		bytes += x.size()
	}
	if held != s.held || bytes != s.bytes || unassigned != s.unassigned {
		fail("the store counts %d records, %d bytes, %d unassigned, has %d, %d, %d", s.held, s.bytes, s.unassigned, held, bytes, unassigned)
	}
	if s.held > s.records || s.bytes > s.limit {
		fail("%d records and %d bytes pass the bounds of %d and %d", s.held, s.bytes, s.records, s.limit)
	}
	listed := 0
	for x := range s.all {
		if s.tasks[x.id] != x {
			fail("task %s is in order but not in the store", x.id)
		}
		listed++
	}
	if listed != held {
		fail("%d records are in order, %d in the store", listed, held)
	}
}

// The machine is pure: nothing in it can wait, read a clock or open a file.
func TestImports(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			switch path {
			case "cmp", "encoding/json", "errors", "fmt", "math", "reflect", "slices", "strconv", "strings", "muster/wire":
			default:
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
