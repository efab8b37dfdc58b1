package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"

	"muster/controller/hub"
)

// Table is the name of the table of records, by the example of ipyparallel
// (protocol section 8). Where a table of that name has other columns, as older
// releases made it, it is left alone and "_1", "_2" and so on is added.
const Table = "ipython-tasks"

// broadcasts is the table of buffers that many records share.
const broadcasts = "ipython-broadcasts"

// columns are those of the table, in order, with the types that ipyparallel's
// own backend expects.
var columns = func() (out []column) {
	types := map[hub.Kind]string{hub.Text: "text", hub.Date: "timestamp", hub.Object: "dict text", hub.Any: "text"}
	buffers := map[string]string{"content": "buffers", "result_content": "result_buffers"}
	for i := range hub.Fields {
		f := &hub.Fields[i]
		c := column{f.Name, types[f.Kind], f}
		if f.Name == "execute_result" || f.Name == "error" {
			c.kind = "text"
		}
		out = append(out, c)
		if b := buffers[f.Name]; b != "" {
			out = append(out, column{name: b, kind: "bufs blob"})
		}
	}
	return out
}()

type column struct {
	name, kind string
	field      *hub.Field // nil for buffers
}

// named is the column of that name.
func named(name string) column {
	return columns[slices.IndexFunc(columns, func(c column) bool { return c.name == name })]
}

// Open opens a database, or makes it, and begins to write to it. The error says
// what is wrong with the file and what to do.
func Open(cfg Config) (*Store, error) {
	cfg.fill()
	s, err := open(cfg)
	if err != nil {
		return nil, fmt.Errorf("store: open the database %s: %w", cfg.Path, explain(err))
	}
	go s.run()
	return s, nil
}

// fill sets what is not given.
func (c *Config) fill() {
	if c.Limit == 0 {
		c.Limit = 256 << 20
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.patience == 0 {
		c.patience = 2 * time.Second
	}
}

func open(cfg Config) (_ *Store, err error) {
	// Results are for nobody else's eyes. SQLite gives its other files the
	// mode of this one.
	f, err := os.OpenFile(cfg.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	f.Close() // before SQLite has it open: a close frees all locks that the process has on a file
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file: choose another (--db-file)")
	}
	s, conn, err := connect(cfg)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.db.Close()
		}
	}()
	if s.table, err = makeTable(conn); err != nil {
		return nil, err
	}
	if err = os.Chmod(cfg.Path, 0o600); err != nil { // now that it is known for a database
		return nil, err
	}
	if s.table != Table {
		cfg.Log.Warn("the table of records has columns of another release, and is left alone", "file", cfg.Path, "table", Table, "instead", s.table)
	}
	return s, s.begin(conn)
}

// connect returns a store that does nothing yet, and the connection that is to write.
func connect(cfg Config) (*Store, *sql.Conn, error) {
	// With a write-ahead log readers and the writer do not wait for each other,
	// and a commit is one append to a file. It survives the death of the
	// controller without a sync; the death of the machine may cost the last
	// commits, but not the file ("normal").
	options := url.Values{
		"_journal_mode": {"WAL"}, "_synchronous": {"NORMAL"}, "_busy_timeout": {fmt.Sprint(cfg.patience.Milliseconds())},
	}
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: cfg.Path}).EscapedPath()+"?"+options.Encode())
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(1 + readers)
	conn, err := db.Conn(context.Background())
	if err != nil {
		db.Close()
		return nil, nil, err
	}
	s := &Store{cfg: cfg, db: db, ended: make(chan struct{}), now: make(chan struct{}, 1), soon: make(chan struct{}, 1), room: make(chan struct{})}
	return s, conn, nil
}

// begin prepares the store to write.
func (s *Store) begin(conn *sql.Conn) (err error) {
	// Putting the log into the file takes syncs of both, so it waits for 64 MB
	// of log, and not for SQLite's 4.
	if _, err = conn.ExecContext(context.Background(), "PRAGMA wal_autocheckpoint = 16000; PRAGMA journal_size_limit = 67108864"); err != nil {
		return err
	}
	if s.journal, err = openJournal(s.cfg.Path, s.cfg.Log); err != nil {
		return err
	}
	s.w, err = newWriter(conn, s.table)
	return err
}

// readers is how many queries are carried out at a time.
const readers = 2

// makeTable finds the table to use, and makes it if it is not there.
func makeTable(conn *sql.Conn) (name string, err error) {
	// To take the lock is to try whether the file can be written at all.
	err = transact(conn, func() error {
		name, err = makeTables(conn)
		return err
	})
	return name, err
}

func makeTables(conn *sql.Conn) (name string, err error) {
	ctx := context.Background()
	name = Table
	for i := 1; ; i++ {
		have, err := columnsOf(conn, name)
		if err != nil {
			return "", err
		}
		if len(have) == 0 || sameColumns(have, columns) {
			break
		}
		name = fmt.Sprintf("%s_%d", Table, i)
	}
	var list []string
	for i, c := range columns {
		text := c.name + " " + c.kind
		if i == 0 {
			text += " PRIMARY KEY"
		}
		list = append(list, text)
	}
	for _, statement := range []string{
		fmt.Sprintf("CREATE TABLE IF NOT EXISTS %q (\n  %s\n)", name, strings.Join(list, ",\n  ")),
		fmt.Sprintf("CREATE INDEX IF NOT EXISTS %q ON %q (submitted, msg_id)", name+"-submitted", name),
		fmt.Sprintf("CREATE INDEX IF NOT EXISTS %q ON %q (buffers) WHERE typeof(buffers) = 'text'", name+"-broadcast", name),
		fmt.Sprintf("CREATE TABLE IF NOT EXISTS %q (msg_id text PRIMARY KEY, buffers bufs blob)", broadcasts),
	} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return "", err
		}
	}
	// A file that was cut off lacks its end.
	var id string
	err = conn.QueryRowContext(ctx, fmt.Sprintf("SELECT msg_id FROM %q ORDER BY rowid DESC LIMIT 1", name)).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", err
	}
	return name, beginRun(ctx, conn, name)
}

// columnsOf lists the columns of a table, none if there is no such table.
func columnsOf(conn *sql.Conn, table string) ([]column, error) {
	rows, err := conn.QueryContext(context.Background(), "SELECT name, type FROM pragma_table_info(?)", table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []column
	for rows.Next() {
		var c column
		if err := rows.Scan(&c.name, &c.kind); err != nil {
			return nil, err
		}
		c.kind = strings.ToLower(c.kind)
		out = append(out, c)
	}
	return out, rows.Err()
}

// explain adds to an error of SQLite's what can be done.
func explain(err error) error {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return fmt.Errorf("%w: another program has it open for writing: end that, or choose another file (--db-file)", err)
	case sqlite3.ErrNotADB, sqlite3.ErrCorrupt:
		return fmt.Errorf("%w: move it away, or choose another file (--db-file)", err)
	case sqlite3.ErrFull:
		return fmt.Errorf("%w: make room, or choose a file on another disk (--db-file)", err)
	case sqlite3.ErrProtocol, sqlite3.ErrIoErr, sqlite3.ErrCantOpen, sqlite3.ErrReadonly:
		return fmt.Errorf("%w: choose a file on a local disk that can be written (--db-file)", err)
	}
	return err
}
