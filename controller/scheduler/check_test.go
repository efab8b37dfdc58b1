package scheduler

import (
	"go/parser"
	"go/token"
	"path/filepath"
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
			case "bytes", "cmp", "encoding/json", "errors", "fmt", "maps", "math", "math/rand/v2", "slices", "strconv", "strings", "muster/wire":
			default:
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
