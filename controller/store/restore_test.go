package store

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"muster/controller/hub"
	"muster/wire"
)

// abandoned copies what a store has written so far: the files of one whose
// process was killed now.
func abandoned(t *testing.T, s *Store) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "tasks.db")
	for _, suffix := range []string{"", "-wal", "-sent0", "-sent1"} {
		b, err := os.ReadFile(s.cfg.Path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func restoreStore(t *testing.T, path string) (*Store, *hub.Left) {
	t.Helper()
	s, left, err := Restore(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, left
}

// keep gives changes to a store and waits until they are written.
func keep(t *testing.T, s *Store, changes ...hub.Change) {
	t.Helper()
	noted := s.Noted()
	for _, c := range changes {
		s.Keep(c)
	}
	s.Reached(noted)
	ids(t, s)
}

// What a controller leaves is there for the next one: what was written, and what
// was noted when nothing was written yet. And again, should that one be killed
// before anything has changed.
func TestRestore(t *testing.T) {
	s := openStore(t, Config{})
	s.Enlist(hub.Engine{ID: 0, UUID: "a", Keeps: true})
	s.Enlist(hub.Engine{ID: 1, UUID: "b"})
	done, waits := requested("done", nil), requested("waits", nil, []byte("payload"))
	direct := requested("direct", nil)
	direct.Queue, direct.Engine = hub.Mux, "a"
	s.Sent(hub.Sent{Task: "done", Engine: "a", Queue: hub.Task})
	keep(t, s, done, hub.Placed{Task: "done", Engine: "a"}, replied("done"), waits, requested("tried", nil), direct,
		hub.Tried{Task: "tried", Engine: "a", Retries: 2, Refused: []wire.EngineUUID{"a"}, Deaths: []string{"engine 7: x"}})
	// From here on nothing is written.
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.journal.enlist(hub.Engine{ID: 1, UUID: "b", Gone: true})
	s.Sent(hub.Sent{Task: "waits", Engine: "b", Queue: hub.Task})
	s.Sent(hub.Sent{Task: "waits", Engine: "a", Queue: hub.Task})
	s.Sent(hub.Sent{Task: "stray", Engine: "a", Queue: hub.Broadcast})
	s.Sent(hub.Sent{Task: "nowhere", Engine: "a", Queue: hub.Task})
	s.Sent(hub.Sent{Task: "nowhere", Queue: hub.Task})
	s.Ended(hub.Outcome{Task: "waits", Engine: "a"})
	s.Ended(hub.Outcome{Task: "stray", Engine: "a", OK: true})
	path := abandoned(t, s)
	s.mu.Lock()
	s.closed = false
	s.mu.Unlock()

	for range 2 {
		next, left := restoreStore(t, path)
		path = abandoned(t, next)
		if want := []hub.Engine{{ID: 0, UUID: "a", Keeps: true}, {ID: 1, UUID: "b", Gone: true}}; !slices.Equal(left.Engines, want) {
			t.Errorf("engines %+v", left.Engines)
		}
		if want := []hub.Sent{{Task: "stray", Engine: "a", Queue: hub.Broadcast}}; !slices.Equal(left.Strays, want) {
			t.Errorf("strays %+v", left.Strays)
		}
		if len(left.Outcomes) != 3 || left.Outcomes[0] != (hub.Outcome{Task: "done", Engine: "a"}) || // replied has no status
			!slices.Contains(left.Outcomes, hub.Outcome{Task: "stray", Engine: "a", OK: true}) {
			t.Errorf("outcomes %+v", left.Outcomes)
		}
		var got []string
		for _, task := range left.Tasks {
			m := task.Message
			got = append(got, fmt.Sprintf("%s %s on %q of %s with %q", task.Queue, m.Header.MsgID, task.Engine, m.Header.Session, m.Buffers))
		}
		want := []string{`task waits on "a" of client with ["payload"]`, `task tried on "" of client with []`, `mux direct on "a" of client with []`}
		if !slices.Equal(got, want) {
			t.Fatalf("tasks %q", got)
		}
		first := left.Tasks[0].Message
		if string(first.RawHeader) != string(waits.Message.RawHeader) || string(first.Metadata) != string(waits.Message.Metadata) || string(first.Content) != string(waits.Message.Content) {
			t.Errorf("%s %s %s", first.RawHeader, first.Metadata, first.Content)
		}
		if tried := (&hub.Tried{Task: "tried", Retries: 2, Refused: []wire.EngineUUID{"a"}, Deaths: []string{"engine 7: x"}}); !reflect.DeepEqual(left.Tasks[1].Tried, tried) || left.Tasks[0].Tried != nil {
			t.Errorf("tried %+v", left.Tasks[1].Tried)
		}
		if err := next.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// What an earlier run left is not restored by one that came after it.
func TestRestoreThisRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tasks.db")
	for _, id := range []string{"old", "new"} {
		s := openStore(t, Config{Path: path})
		keep(t, s, requested(id, nil), requested(id+"-purged", nil))
		find(t, s, &hub.Query{IDs: []wire.MsgID{wire.MsgID(id + "-purged")}, Drop: true})
		keep(t, s, requested(id+"-after", nil))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, left := restoreStore(t, path)
	if len(left.Tasks) != 2 || left.Tasks[0].Message.Header.MsgID != "new" || left.Tasks[1].Message.Header.MsgID != "new-after" {
		t.Errorf("%+v", left.Tasks)
	}
}

// A database that cannot be restored from says why.
func TestRestoreErrors(t *testing.T) {
	dir := t.TempDir()
	made := func(name string, statements ...string) string {
		path := filepath.Join(dir, name)
		db, err := sql.Open("sqlite3", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, statement := range statements {
			if _, err := db.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	used := filepath.Join(dir, "used.db")
	s := openStore(t, Config{Path: used})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	made("used.db", `ALTER TABLE "muster-tries" ADD COLUMN more text`)
	torn := filepath.Join(dir, "torn.db")
	s = openStore(t, Config{Path: torn})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(torn+"-sent0", []byte("no journal"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "missing.db"): "no controller has kept records there",
		text:                             "move it away",
		made("python.db", `CREATE TABLE "ipython-tasks" (msg_id text)`): "has not used it",
		used: `"muster-tries" is of another release`,
		torn: "is no journal",
	} {
		_, _, err := Restore(Config{Path: path})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q in it", path, err, want)
		}
	}
}

// The journal goes on in its other file when one is large, and drops what is settled.
func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tasks.db")
	j, err := openJournal(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	const n = 3 * segment / 30
	id := func(i int) wire.MsgID { return wire.MsgID(fmt.Sprintf("task \"%d\"\n", i)) }
	for i := range n {
		j.sent(hub.Sent{Task: id(i), Engine: "engine", Queue: hub.Mux})
		if i%1000 == 999 {
			j.settled(j.position() - 500)
		}
	}
	size := int64(0)
	for _, name := range segments(path) {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > 3*segment {
		t.Errorf("%d bytes are left of what is settled but for the end", size)
	}
	told, err := readJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	last := len(told.places) - 1
	for i := range 500 {
		if got := told.places[last-i]; got.Task != id(n-1-i) || got.Engine != "engine" || got.Queue != hub.Mux {
			t.Fatalf("line %d from the end is %+v", i, got)
		}
	}
	j.settled(j.position())
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range segments(path) {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s is left", name)
		}
	}
}
