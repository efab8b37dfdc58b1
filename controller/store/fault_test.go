package store

import (
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/controller/hub"
	"muster/wire"
)

// While the file cannot be written, changes wait, and whoever misses a record
// is told why; then they are there.
func TestLocked(t *testing.T) {
	log := &lines{}
	s := openStore(t, Config{Log: slog.New(slog.NewTextHandler(log, nil))})
	other, err := sql.Open("sqlite3", s.cfg.Path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	s.Keep(requested("t1", nil))
	f := find(t, s, &hub.Query{IDs: []wire.MsgID{"t1"}, Fields: fields("msg_id")})
	if f.Err != nil || len(f.Rows) != 0 || !strings.Contains(f.Lost, "cannot be written") || !strings.Contains(f.Lost, "locked") {
		t.Errorf("%+v", f)
	}
	if f := find(t, s, &hub.Query{IDs: []wire.MsgID{"t1"}, Drop: true}); f.Err == nil {
		t.Error("records were dropped from a locked database")
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, s); !slices.Equal(got, []string{"t1"}) {
		t.Error(got)
	}
	if text := log.String(); strings.Count(text, "cannot be written") != 1 || !strings.Contains(text, "written again") {
		t.Error(text)
	}
}

// A disk that fills costs what does not fit in the bound, and nothing else.
func TestFull(t *testing.T) {
	log := &lines{}
	s := openStore(t, Config{Limit: 1 << 20, Log: slog.New(slog.NewTextHandler(log, nil))})
	s.Keep(requested("t1", nil))
	ids(t, s)
	pages := func(n int) {
		find(t, s, &hub.Query{IDs: []wire.MsgID{}, Fields: fields("msg_id")}) // nothing is being written
		if _, err := s.w.conn.ExecContext(t.Context(), fmt.Sprint("PRAGMA max_page_count = ", n)); err != nil {
			t.Fatal(err)
		}
	}
	pages(1) // as many as there are
	for i := range 20 {
		s.Keep(requested(fmt.Sprint("u", i), nil, make([]byte, 100_000)))
	}
	f := find(t, s, &hub.Query{IDs: []wire.MsgID{"u1"}, Fields: fields("msg_id")})
	if f.Err != nil || !strings.Contains(f.Lost, "disk is full") {
		t.Errorf("%+v", f)
	}
	if got := ids(t, s); !slices.Equal(got, []string{"t1"}) {
		t.Error(got)
	}
	pages(1 << 20)
	if got := ids(t, s); len(got) != 11 {
		t.Error(got)
	}
	f = find(t, s, &hub.Query{IDs: []wire.MsgID{"u15"}, Fields: fields("msg_id")})
	if f.Err != nil || f.Lost != fmt.Sprintf("10 changes could not be kept in the database %s", s.cfg.Path) {
		t.Errorf("%+v", f)
	}
	text := log.String()
	for _, want := range []string{"cannot be written", "records are lost", "written again"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("not once %q:\n%s", want, text)
		}
	}
	s.Keep(requested("u10", nil, make([]byte, 200_000)))
	find(t, s, &hub.Query{Fields: fields("msg_id")})
	if f := find(t, s, &hub.Query{Fields: fields("msg_id"), Buffers: true}); f.Err == nil || !strings.Contains(f.Err.Error(), "more than 1 MB") {
		t.Errorf("an answer beyond the bound: %d rows, %v", len(f.Rows), f.Err)
	}
}

// Requests wait while the store has much to write, but not for a store that
// cannot.
func TestAdmit(t *testing.T) {
	s := openStore(t, Config{})
	other, err := sql.Open("sqlite3", s.cfg.Path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	s.Admit()
	s.mu.Lock() // nothing is written meanwhile
	s.bytes += backlog
	s.written = time.Now()
	s.mu.Unlock()
	admitted := make(chan struct{})
	go func() {
		s.Admit()
		close(admitted)
	}()
	s.Keep(requested("t1", nil))
	ids(t, s)
	select {
	case <-admitted:
		t.Error("a request was admitted although too much waits")
	default:
	}
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	s.Keep(requested("t2", nil))
	select {
	case <-admitted: // since the database is locked
	case <-time.After(limit):
		t.Error("requests wait for a database that cannot be written")
	}
	s.mu.Lock()
	s.bytes -= backlog
	s.mu.Unlock()
}

// lines is what was logged, by several goroutines.
type lines struct {
	mu sync.Mutex // guards b
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
