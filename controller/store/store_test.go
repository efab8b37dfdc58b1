package store

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"muster/controller/hub"
	"muster/wire"
)

// limit is how long a test waits for what should come at once.
const limit = time.Minute

func openStore(t *testing.T, cfg Config) *Store {
	t.Helper()
	if cfg.Path == "" {
		cfg.Path = filepath.Join(t.TempDir(), "tasks.db")
	}
	cfg.patience = 100 * time.Millisecond
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// find waits for what a query finds.
func find(t *testing.T, s *Store, q *hub.Query) hub.Found {
	t.Helper()
	answer := make(chan hub.Found, 1)
	s.Find(q, func(f hub.Found) { answer <- f })
	select {
	case f := <-answer:
		return f
	case <-time.After(limit):
		t.Fatal("no answer")
	}
	return hub.Found{}
}

func fields(names ...string) (out []*hub.Field) {
	for _, name := range names {
		out = append(out, named(name).field)
	}
	return out
}

// ids are those of all records, or of those with conditions.
func ids(t *testing.T, s *Store, conditions ...hub.Condition) (out []string) {
	t.Helper()
	f := find(t, s, &hub.Query{Fields: fields("msg_id"), Conditions: conditions})
	if f.Err != nil {
		t.Fatal(f.Err)
	}
	for _, r := range f.Rows {
		out = append(out, r.Values[0].(string))
	}
	return out
}

var epoch = time.Date(2026, 11, 20, 16, 0, 0, 0, time.UTC)

func requested(id string, label any, buffers ...[]byte) hub.Submitted {
	return hub.Submitted{Queue: hub.Task, Message: message(wire.ApplyRequest, id, "", map[string]any{"label": label}, map[string]any{}, buffers)}
}

func replied(id string, buffers ...[]byte) hub.Replied {
	m := message(wire.ApplyReply, "re-"+id, id, map[string]any{"started": wire.Time{Time: epoch}}, map[string]any{"status": "ok"}, buffers)
	return hub.Replied{Message: m, At: m.Header.Date}
}

func printed(id, stream, text string) hub.Output {
	return hub.Output{Message: message("stream", "o", id, nil, map[string]string{"name": stream, "text": text}, nil)}
}

var sent int

func message(kind, id, parent string, metadata, content any, buffers [][]byte) *wire.Message {
	sent++
	m := &wire.Message{
		Header:  wire.Header{MsgID: wire.MsgID(id), MsgType: kind, Session: "client", Date: wire.Time{Time: epoch.Add(time.Duration(sent) * time.Second)}},
		Parent:  wire.Header{MsgID: wire.MsgID(parent)},
		Buffers: buffers,
	}
	m.RawHeader, _ = json.Marshal(m.Header)
	m.Metadata, _ = json.Marshal(metadata)
	m.Content, _ = json.Marshal(content)
	return m
}

// What is kept is there the next time, and for other programs to read.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tasks.db")
	s := openStore(t, Config{Path: path})
	s.Keep(requested("t1", "heat", []byte("one"), make([]byte, 3000)))
	s.Keep(hub.Placed{Task: "t1", Engine: "e"})
	s.Keep(printed("t1", "stdout", "hello "))
	s.Keep(replied("t1", []byte("result")))
	if got := ids(t, s); !slices.Equal(got, []string{"t1"}) {
		t.Fatal(got)
	}
	s.Keep(printed("t1", "stdout", "late\n")) // in another transaction
	s.Keep(printed("t9", "stdout", "of nobody"))
	s.Keep(requested("t2", nil))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	out, err := exec.Command("sqlite3", path, `SELECT msg_id, label, json_extract(header, '$.msg_type'), queue, engine_uuid, stdout, completed IS NULL, typeof(buffers) FROM "ipython-tasks"`).CombinedOutput()
	want := "t1|heat|apply_request|task|e|hello late\n|0|blob\nt2||apply_request|task|||1|null\n"
	if err != nil || string(out) != want {
		t.Errorf("%s, %v, want\n%s", out, err, want)
	}
	out, err = exec.Command("/usr/bin/python3", "-c", `
import pickle, sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute('SELECT submitted, buffers, result_buffers FROM "ipython-tasks" LIMIT 1'):
    print(row[0][:11], [len(b) for b in pickle.loads(row[1])], pickle.loads(row[2]))
`, path).CombinedOutput()
	if want := "2026-11-20T [3, 3000] [b'result']\n"; err != nil || string(out) != want {
		t.Errorf("%s, %v, want %s", out, err, want)
	}
	s = openStore(t, Config{Path: path})
	f := find(t, s, &hub.Query{IDs: []wire.MsgID{"t1"}, Fields: fields("stdout", "received"), Buffers: true, ResultBuffers: true})
	if f.Err != nil || len(f.Rows) != 1 || string(f.Rows[0].Buffers[0]) != "one" || string(f.Rows[0].ResultBuffers[0]) != "result" || f.Rows[0].Values[0] != "hello late\n" {
		t.Errorf("%d rows, %v", len(f.Rows), f.Err)
	}
}

// An id that is taken stays with the first task that had it.
func TestTakenID(t *testing.T) {
	s := openStore(t, Config{})
	s.Keep(requested("t1", "first"))
	ids(t, s)
	s.Keep(requested("t1", "second"))
	s.Keep(requested("t2", "first"))
	s.Keep(requested("t2", "second"))
	label, _ := hub.NewCondition(named("label").field, "$eq", "first")
	if got := ids(t, s, label); !slices.Equal(got, []string{"t1", "t2"}) {
		t.Error(got)
	}
}

// Tasks of a broadcast share their buffers in the file, until none is left.
func TestBroadcast(t *testing.T) {
	s := openStore(t, Config{})
	big := make([]byte, 1<<20)
	for i := range 20 {
		r := requested(fmt.Sprintf("b_e%d", i), nil, big)
		r.Queue, r.Engine, r.Copies = hub.Broadcast, wire.EngineUUID(fmt.Sprint("e", i)), 20
		s.Keep(r)
		s.Keep(replied(fmt.Sprintf("b_e%d", i)))
	}
	f := find(t, s, &hub.Query{IDs: []wire.MsgID{"b", "b_e3"}, Fields: fields("msg_id"), Buffers: true})
	if f.Err != nil || len(f.Rows) != 21 || len(f.Rows[5].Buffers[0]) != len(big) {
		t.Errorf("%d rows, %v", len(f.Rows), f.Err)
	}
	shared := func() (n int) {
		if err := s.db.QueryRow(`SELECT count(*) FROM "ipython-broadcasts"`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if shared() != 1 {
		t.Error("the buffers are not shared")
	}
	drop := func(id wire.MsgID) {
		if f := find(t, s, &hub.Query{IDs: []wire.MsgID{id}, Drop: true}); f.Err != nil {
			t.Fatal(f.Err)
		}
	}
	drop("b_e3")
	if len(ids(t, s)) != 19 || shared() != 1 {
		t.Error("more than one task is gone")
	}
	drop("b")
	if len(ids(t, s)) != 0 || shared() != 0 {
		t.Error("something is left")
	}
}
