package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mattn/go-sqlite3"

	"muster/controller/hub"
	"muster/wire"
)

// A batch is what is to be written: of each task the changes in one.
type batch struct {
	of    map[wire.MsgID]*entry
	order []*entry
	bytes int
	// replies are those that need no row, by the engine that keeps them.
	replies []hub.Unwanted
	engines []hub.Engine
}

// empty tells whether there is nothing to write, nor to acknowledge.
func (b *batch) empty() bool { return len(b.order) == 0 && len(b.replies) == 0 && len(b.engines) == 0 }

// An entry is what some changes tell of a task.
type entry struct {
	hub.Record
	whole  bool // from its beginning: there is no row yet
	placed bool
	tried  *hub.Tried
}

func newBatch() batch { return batch{of: make(map[wire.MsgID]*entry)} }

func (b *batch) add(c hub.Change, size int) {
	if u, ok := c.(hub.Unwanted); ok {
		b.bytes += size
		b.replies = append(b.replies, u)
		return
	}
	e := b.of[c.TaskID()]
	_, first := c.(hub.Submitted)
	if e == nil {
		e = new(entry)
		b.of[c.TaskID()] = e
		b.order = append(b.order, e)
	}
	b.bytes += size
	if first && e.whole {
		return // an id that is taken: the first one has it
	}
	if t, ok := c.(hub.Tried); ok {
		e.tried = &t
		if t.Engine != "" {
			b.replies = append(b.replies, hub.Unwanted{Task: t.Task, Engine: t.Engine})
		}
	}
	e.Apply(c)
	_, placed := c.(hub.Placed)
	e.whole, e.placed = e.whole || first, e.placed || placed
}

// committed tells what is durable by the batch, apart from what was refused.
func (b *batch) committed(refused []refusal) hub.Committed {
	out := hub.Committed{Requests: make(map[string][]wire.MsgID), Replies: make(map[string][]wire.MsgID)}
	for _, e := range b.order {
		if slices.ContainsFunc(refused, func(r refusal) bool { return r.task == e.ID }) {
			continue
		}
		if e.whole {
			client := e.Request.Header.Session
			out.Requests[client] = append(out.Requests[client], e.ID)
		}
		if e.Reply != nil {
			engine := e.Reply.Header.Session
			out.Replies[engine] = append(out.Replies[engine], e.ID)
		}
	}
	for _, u := range b.replies {
		out.Replies[string(u.Engine)] = append(out.Replies[string(u.Engine)], u.Task)
	}
	return out
}

// A writer is the connection that writes. One goroutine owns it.
type writer struct {
	conn                         *sql.Conn
	table                        string
	insert, update, share, known *sql.Stmt
	enlist, try                  *sql.Stmt
	batch                        batch
	args                         []any
}

func newWriter(conn *sql.Conn, table string) (*writer, error) {
	w := &writer{conn: conn, table: table, batch: newBatch()}
	var set []string
	for _, c := range changing {
		switch name := c.name; name {
		case "engine_uuid": // which a task may lose again
			set = append(set, "engine_uuid = iif(?, ?, engine_uuid)")
		case "stdout", "stderr":
			set = append(set, fmt.Sprintf("%[1]s = CASE WHEN octet_length(%[1]s) >= %[2]d THEN %[1]s ELSE coalesce(%[1]s, '') || ? END", name, hub.MaxOutput))
		default:
			set = append(set, fmt.Sprintf("%s = coalesce(?, %s)", name, name))
		}
	}
	for _, s := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&w.insert, fmt.Sprintf("INSERT OR IGNORE INTO %q VALUES (?%s)", table, strings.Repeat(", ?", len(columns)-1))},
		{&w.update, fmt.Sprintf("UPDATE %q SET %s WHERE msg_id = ?", table, strings.Join(set, ", "))},
		{&w.share, fmt.Sprintf("INSERT OR IGNORE INTO %q VALUES (?, ?)", broadcasts)},
		{&w.known, fmt.Sprintf("SELECT count(*) FROM %q WHERE msg_id = ?", broadcasts)},
		{&w.enlist, enlisting},
		{&w.try, fmt.Sprintf("INSERT INTO %q (msg_id, retries, refused, deaths, aborted) VALUES (?, ?, ?, ?, ?) ON CONFLICT (msg_id) DO UPDATE SET retries = excluded.retries, refused = excluded.refused, deaths = excluded.deaths, aborted = excluded.aborted", tries)},
	} {
		var err error
		if *s.stmt, err = conn.PrepareContext(context.Background(), s.text); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// changing are the columns that change after a task has come, the engine's
// first: whether it does is one more argument.
var changing = func() (out []column) {
	for _, name := range []string{"engine_uuid", "started", "completed", "resubmitted", "received", "result_header", "result_metadata",
		"result_content", "result_buffers", "execute_input", "execute_result", "error", "stdout", "stderr"} {
		out = append(out, named(name))
	}
	return out
}()

// close ends the connection. A statement left open would keep SQLite from
// putting the log into the file.
func (w *writer) close() (err error) {
	for _, s := range []*sql.Stmt{w.insert, w.update, w.share, w.known, w.enlist, w.try} {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, w.conn.Close())
}

// A refusal is a record that the database cannot take, whatever happens.
type refusal struct {
	task wire.MsgID
	err  error
}

// write writes the batch in one transaction.
func (w *writer) write() (refused []refusal, err error) {
	return refused, transact(w.conn, func() error {
		for _, e := range w.batch.engines {
			if _, err := w.enlist.Exec(string(e.UUID), int(e.ID), e.Keeps, e.Gone); err != nil {
				return err
			}
		}
		for _, e := range w.batch.order {
			err := w.put(e)
			var s sqlite3.Error
			if errors.As(err, &s) && (s.Code == sqlite3.ErrTooBig || s.Code == sqlite3.ErrConstraint || s.Code == sqlite3.ErrMismatch) {
				refused = append(refused, refusal{e.ID, err})
			} else if err != nil {
				return err
			}
		}
		return nil
	})
}

// transact makes one transaction of what f does.
func transact(conn *sql.Conn, f func() error) error {
	ctx := context.Background()
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := f()
	if err == nil {
		if _, err = conn.ExecContext(ctx, "COMMIT"); err == nil {
			return nil
		}
	}
	conn.ExecContext(ctx, "ROLLBACK") // which some errors have done already
	return err
}

func (w *writer) put(e *entry) error {
	if t := e.tried; t != nil && e.Reply == nil {
		refused, _ := json.Marshal(t.Refused) // strings cannot fail
		deaths, _ := json.Marshal(t.Deaths)
		if _, err := w.try.Exec(string(e.ID), t.Retries, string(refused), string(deaths), t.Aborted); err != nil {
			return err
		}
	}
	w.args = w.args[:0]
	if e.whole {
		for _, c := range columns {
			v, err := w.value(e, c)
			if err != nil {
				return err
			}
			w.args = append(w.args, v)
		}
		_, err := w.insert.Exec(w.args...)
		return err
	}
	w.args = append(w.args, e.placed)
	for _, c := range changing {
		v, err := w.value(e, c)
		if err != nil {
			return err
		}
		w.args = append(w.args, v)
	}
	w.args = append(w.args, string(e.ID))
	_, err := w.update.Exec(w.args...)
	return err
}

// value is what a column holds of a record: text, a blob, or null.
func (w *writer) value(e *entry, c column) (any, error) {
	switch {
	case c.field != nil:
	case c.name == "buffers":
		return w.buffers(e)
	default:
		if e.Reply == nil {
			return nil, nil
		}
		return pickleBuffers(e.Reply.Buffers), nil
	}
	switch v := c.field.Of(&e.Record).(type) {
	case nil:
		return nil, nil
	case string:
		return v, nil
	case wire.Time:
		if v.IsZero() {
			return nil, nil
		}
		return v.Format(timeLayout), nil
	case json.RawMessage:
		if b := bytes.TrimSpace(v); len(b) == 0 || string(b) == "null" {
			return nil, nil
		}
		return string(v), nil
	default: // a label that is no string
		return json.Marshal(v)
	}
}

// timeLayout is that of dates: ISO 8601, which sorts as text.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// buffers are those of a record's request. The tasks of a broadcast share
// theirs: they hold the id that it had, under which the buffers are in a table
// of their own.
func (w *writer) buffers(e *entry) (any, error) {
	origin := hub.Origin(e.Queue, e.ID, e.Engine)
	if origin == "" || e.Copies < 2 || len(e.Request.Buffers) == 0 {
		return pickleBuffers(e.Request.Buffers), nil
	}
	var n int
	if err := w.known.QueryRow(string(origin)).Scan(&n); err != nil {
		return nil, err
	}
	if n == 0 {
		if _, err := w.share.Exec(string(origin), pickleBuffers(e.Request.Buffers)); err != nil {
			return nil, err
		}
	}
	return string(origin), nil
}

// drop deletes what a query matches.
func (w *writer) drop(q *hub.Query) error {
	return transact(w.conn, func() error {
		// What SQL cannot decide is decided here, before anything goes.
		ids, err := matching(w.conn, w.table, q)
		if err != nil {
			return err
		}
		list, _ := json.Marshal(ids) // strings cannot fail
		ctx := context.Background()
		if _, err := w.conn.ExecContext(ctx, fmt.Sprintf("DELETE FROM %q WHERE msg_id IN (SELECT value FROM json_each(?))", w.table), string(list)); err != nil {
			return err
		}
		// The next row may get the number of one that has gone.
		if _, err = w.conn.ExecContext(ctx, fmt.Sprintf("UPDATE %q SET began = min(began, (SELECT coalesce(max(rowid), 0) FROM %q))", run, w.table)); err != nil {
			return err
		}
		_, err = w.conn.ExecContext(ctx, fmt.Sprintf("DELETE FROM %q WHERE msg_id NOT IN (SELECT buffers FROM %q WHERE typeof(buffers) = 'text')", broadcasts, w.table))
		return err
	})
}
