package scheduler

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// check walks the whole state of a machine: every index agrees with every
// other, and nothing waits that could run.
func check(t *testing.T, m Machine) {
	t.Helper()
	switch m := m.(type) {
	case *Direct:
		for uuid, p := range m.engines {
			checkPeer(t, string(uuid), p)
		}
	case *Broadcast:
		parts := 0
		for uuid, p := range m.engines {
			checkPeer(t, string(uuid), p)
			for key := range p.asked {
				parts++
				if m.parts[key] == nil {
					t.Fatalf("invariant: engine %s was asked %v, which is no part", uuid, key)
				}
			}
		}
		if parts != len(m.parts) {
			t.Fatalf("invariant: engines were asked %d parts of %d", parts, len(m.parts))
		}
	case *Balanced:
		m.check(t)
	}
}

func checkPeer(t *testing.T, uuid string, p *peer) {
	t.Helper()
	if string(p.uuid) != uuid {
		t.Fatalf("invariant: engine %s is filed under %s", p.uuid, uuid)
	}
	for key, a := range p.asked {
		if key.id != a.id || key.client != string(a.client) {
			t.Fatalf("invariant: request %s of %s is filed under %v", a.id, a.client, key)
		}
	}
}

func (b *Balanced) check(t *testing.T) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Fatalf("invariant: "+format, args...)
	}
	if len(b.workers) != len(b.byUUID) {
		fail("%d workers, %d uuids", len(b.workers), len(b.byUUID))
	}
	for _, w := range b.workers {
		if b.byUUID[w.uuid] != w {
			fail("worker %s is not found by its uuid", w.uuid)
		}
		if b.hwm > 0 && len(w.jobs) > b.hwm {
			fail("worker %s has %d tasks, more than %d", w.uuid, len(w.jobs), b.hwm)
		}
		for key, j := range w.jobs {
			if j.on != w || j.task != key || j.deadline != 0 {
				fail("task %v is on %s and does not know it", key, w.uuid)
			}
		}
	}
	timed := 0
	for _, l := range [...]*line{&b.open, &b.picky} {
		waiting := l.jobs[l.head:]
		if !slices.IsSortedFunc(waiting, func(x, y *job) int { return int(x.order) - int(y.order) }) {
			fail("waiting tasks are out of order")
		}
		for _, j := range waiting {
			if j.deadline > 0 {
				timed++
			}
			if j.picky() != (l == &b.picky) {
				fail("task %v waits in the wrong line", j.task)
			}
			if j.on != nil {
				fail("task %v waits and is on %s", j.task, j.on.uuid)
			}
			for _, w := range b.workers {
				if b.room(w) && j.takes(w.uuid) {
					fail("task %v waits, though %s could take it", j.task, w.uuid)
				}
			}
			if len(j.targets) > 0 && !slices.ContainsFunc(b.workers, func(w *worker) bool { return j.takes(w.uuid) }) {
				fail("task %v waits for engines that it can never go to", j.task)
			}
		}
	}
	if timed != b.timed {
		fail("%d tasks have a deadline, %d are counted", timed, b.timed)
	}
}

// The machines are pure: nothing in them can wait, read a clock or open a file.
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
			case "bytes", "cmp", "encoding/json", "errors", "fmt", "maps", "math", "math/rand/v2", "slices", "strings", "muster/wire":
			default:
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
