package hub

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
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
		for _, x := range m.tasks.byID {
			if x.on == e {
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
	unassigned := 0
	for id, x := range m.tasks.byID {
		if x.id != id {
			fail("task %s is filed under %s", x.id, id)
		}
		if x.engine == "" {
			unassigned++
		}
		if origin := Origin(x.queue, id, x.engine); origin != "" && !slices.Contains(m.tasks.broadcasts[origin], x) {
			fail("task %s is not among those of broadcast %s", id, origin)
		}
	}
	if unassigned != m.tasks.unassigned {
		fail("%d tasks are unassigned, %d are counted", unassigned, m.tasks.unassigned)
	}
	for origin, list := range m.tasks.broadcasts {
		if len(list) == 0 {
			fail("nothing is left of broadcast %s, and it is not forgotten", origin)
		}
		for _, x := range list {
			if m.tasks.byID[x.id] != x {
				fail("task %s of broadcast %s has ended", x.id, origin)
			}
		}
	}
	s := &m.memory
	bytes := 0
	for id, r := range s.records {
		if r.ID != id {
			fail("record %s is filed under %s", r.ID, id)
		}
		if r.Reply == nil && m.tasks.byID[id] == nil {
			fail("record %s has no result, and its task no longer waits", id)
		}
		bytes += r.Size()
	}
	if bytes != s.bytes {
		fail("the records count %d bytes, have %d", s.bytes, bytes)
	}
	if s.near > s.limit || s.bytes > s.byteLimit {
		fail("%d records and %d bytes pass the bounds of %d and %d", s.near, s.bytes, s.limit, s.byteLimit)
	}
	listed := 0
	for range s.all {
		listed++
	}
	if listed != len(s.records) {
		fail("%d records are in order, there are %d", listed, len(s.records))
	}
	near := 0
	for i, r := range s.order {
		switch {
		case r == nil:
		case !s.has(r):
			fail("record %s at place %d was dropped, and is held", r.ID, i)
		case s.isNear(r):
			near++
		}
	}
	if empty := len(s.order) - listed; empty > listed {
		fail("%d of %d places in order are empty", empty, len(s.order))
	}
	if near != s.near {
		fail("%d records are of clients that are near, have %d", s.near, near)
	}
	if due := m.Due(); due < 1 {
		fail("a tick was due %d ticks ago", -due)
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
			case "bytes", "cmp", "encoding/json", "errors", "fmt", "maps", "math", "reflect", "slices", "strconv", "strings", "unicode/utf8", "muster/wire":
			default:
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
