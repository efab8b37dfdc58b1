package store

import (
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A table of an older release is left alone.
func TestOlderSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tasks.db")
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE "ipython-tasks" (msg_id text PRIMARY KEY, header dict text); INSERT INTO "ipython-tasks" VALUES ('old', '{}')`); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	s := openStore(t, Config{Path: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
	s.Keep(requested("t1", nil))
	if got := ids(t, s); !slices.Equal(got, []string{"t1"}) || !strings.Contains(log.String(), "ipython-tasks_1") {
		t.Errorf("%q, log: %s", got, &log)
	}
	var old string
	if err := db.QueryRow(`SELECT msg_id FROM "ipython-tasks"`).Scan(&old); err != nil || old != "old" {
		t.Errorf("%q, %v", old, err)
	}
}

// A file that cannot be used is an error that says why and what to do.
func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	torn := filepath.Join(dir, "torn.db")
	s := openStore(t, Config{Path: torn})
	s.Keep(requested("t1", nil, make([]byte, 1<<20)))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(torn, 5000); err != nil {
		t.Fatal(err)
	}
	locked := filepath.Join(dir, "locked.db")
	other, err := sql.Open("sqlite3", locked+"?_txlock=immediate&_journal_mode=WAL")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Begin(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "no", "such.db"): "no such file or directory",
		dir:                                 "is a directory",
		write("text.db", []byte(strings.Repeat("x", 9000))): "not a database: move it away, or choose another file (--db-file)",
		torn:   "malformed: move it away, or choose another file (--db-file)",
		locked: "locked: another program has it open",
	} {
		s, err := Open(Config{Path: path, patience: time.Millisecond})
		if err == nil {
			s.Close()
			t.Errorf("%s was opened", path)
			continue
		}
		if info, gone := os.Stat(path); gone == nil && info.Mode().IsRegular() && strings.HasSuffix(path, "text.db") && info.Mode().Perm() != 0o644 {
			t.Errorf("the mode of %s was changed to %v", path, info.Mode())
		}
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
}
