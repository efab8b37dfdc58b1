package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"muster/controller/hub"
	"muster/wire"
)

// The tables that tell, beside that of records, what a controller that is
// killed leaves. They are of the present run: it begins after the row "began"
// of the table of records.
const (
	run     = "muster-run"
	engines = "muster-engines"
	tries   = "muster-tries"
)

// ours are these tables and their columns.
var ours = []struct {
	name    string
	columns []column
}{
	{run, []column{{name: "began", kind: "integer"}, {name: "records", kind: "text"}}},
	{engines, []column{{name: "uuid", kind: "text"}, {name: "id", kind: "integer"}, {name: "keeps", kind: "integer"}, {name: "gone", kind: "integer"}}},
	// Without retries it is a request that has no record, or the outcome of a
	// task (ok) that has no record of its answer.
	{tries, []column{{name: "msg_id", kind: "text"}, {name: "engine_uuid", kind: "text"}, {name: "queue", kind: "text"}, {name: "retries", kind: "integer"},
		{name: "refused", kind: "text"}, {name: "deaths", kind: "text"}, {name: "aborted", kind: "integer"}, {name: "ok", kind: "integer"}}},
}

// beginRun empties the tables: what an earlier controller left is not restored.
func beginRun(ctx context.Context, conn *sql.Conn, table string) error {
	for _, t := range ours {
		var list []string
		for i, c := range t.columns {
			text := c.name + " " + c.kind
			if i == 0 && t.name != run {
				text += " PRIMARY KEY"
			}
			list = append(list, text)
		}
		for _, statement := range []string{
			fmt.Sprintf("DROP TABLE IF EXISTS %q", t.name),
			fmt.Sprintf("CREATE TABLE %q (%s)", t.name, strings.Join(list, ", ")),
		} {
			if _, err := conn.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
	}
	_, err := conn.ExecContext(ctx, fmt.Sprintf("INSERT INTO %q SELECT coalesce(max(rowid), 0), ? FROM %q", run, table), table)
	return err
}

// Restore opens the database of a controller that has ended, however it did,
// and returns what it left. Records are kept as after Open, of the same run. The
// error says what is wrong with the file and what to do.
func Restore(cfg Config) (*Store, *hub.Left, error) {
	cfg.fill()
	_, err := os.Stat(cfg.Path)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: no controller has kept records there (--sqlitedb), so there is nothing to restore: check --db-file and the profile, or start without --restore", fs.ErrNotExist)
	}
	var s *Store
	var left *hub.Left
	if err == nil {
		s, left, err = restore(cfg)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("store: restore from the database %s: %w", cfg.Path, explain(err))
	}
	go s.run()
	return s, left, nil
}

func restore(cfg Config) (_ *Store, _ *hub.Left, err error) {
	s, conn, err := connect(cfg)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			s.db.Close()
		}
	}()
	if s.table, err = leftTable(conn); err != nil {
		return nil, nil, err
	}
	n, err := readJournal(cfg.Path)
	if err != nil {
		return nil, nil, err
	}
	if err := transact(conn, func() error { return s.merge(conn, n) }); err != nil {
		return nil, nil, err
	}
	left, err := s.left(conn)
	if err != nil {
		return nil, nil, err
	}
	return s, left, s.begin(conn)
}

// leftTable finds the table of records of the run that is to be restored.
func leftTable(conn *sql.Conn) (table string, err error) {
	for _, t := range ours {
		have, err := columnsOf(conn, t.name)
		switch {
		case err != nil:
			return "", err
		case len(have) == 0:
			return "", errors.New("a controller that can be restored has not used it, another program or an earlier release has: start without --restore")
		case !sameColumns(have, t.columns):
			return "", fmt.Errorf("its table %q is of another release: restore with that, or start without --restore", t.name)
		}
	}
	err = conn.QueryRowContext(context.Background(), fmt.Sprintf("SELECT records FROM %q", run)).Scan(&table)
	if err != nil {
		return "", err
	}
	have, err := columnsOf(conn, table)
	if err == nil && !sameColumns(have, columns) {
		err = fmt.Errorf("its table %q is of another release: restore with that, or start without --restore", table)
	}
	return table, err
}

func sameColumns(a, b []column) bool {
	return slices.EqualFunc(a, b, func(a, b column) bool { return a.name == b.name && a.kind == b.kind })
}

// merge brings the tables to where the journal ends.
func (s *Store) merge(conn *sql.Conn, n *noted) error {
	ctx := context.Background()
	for _, e := range n.engines {
		if _, err := conn.ExecContext(ctx, enlisting, e.UUID, e.ID, e.Keeps, e.Gone); err != nil {
			return err
		}
	}
	move, err := conn.PrepareContext(ctx, fmt.Sprintf("UPDATE %q SET engine_uuid = nullif(?, '') WHERE msg_id = ? AND received IS NULL", s.table))
	if err != nil {
		return err
	}
	defer move.Close()
	stray, err := conn.PrepareContext(ctx, fmt.Sprintf(
		"INSERT INTO %[1]q (msg_id, engine_uuid, queue) SELECT ?2, ?1, ?3 WHERE NOT EXISTS (SELECT 1 FROM %[2]q WHERE msg_id = ?2) "+
			"ON CONFLICT (msg_id) DO UPDATE SET engine_uuid = excluded.engine_uuid, queue = excluded.queue", tries, s.table))
	if err != nil {
		return err
	}
	defer stray.Close()
	for _, p := range n.places {
		if _, err := move.Exec(string(p.Engine), string(p.Task)); err != nil {
			return err
		}
		if _, err := stray.Exec(string(p.Engine), string(p.Task), string(p.Queue)); err != nil {
			return err
		}
	}
	ended, err := conn.PrepareContext(ctx, fmt.Sprintf(
		"INSERT INTO %[1]q (msg_id, engine_uuid, ok) VALUES (?1, ?2, ?3) ON CONFLICT (msg_id) DO UPDATE SET engine_uuid = excluded.engine_uuid, ok = excluded.ok", tries))
	if err != nil {
		return err
	}
	defer ended.Close()
	for _, o := range n.outcomes {
		if _, err := ended.Exec(string(o.Task), string(o.Engine), o.OK); err != nil {
			return err
		}
	}
	// A row is worth keeping of a task that waits, and of none whose record
	// tells as much by now.
	_, err = conn.ExecContext(ctx, fmt.Sprintf("DELETE FROM %[1]q WHERE msg_id IN (SELECT msg_id FROM %[2]q t WHERE t.msg_id = %[1]q.msg_id AND "+
		"(t.received IS NOT NULL OR %[1]q.retries IS NULL AND %[1]q.ok IS NULL))", tries, s.table))
	return err
}

// enlisting writes an engine.
var enlisting = fmt.Sprintf("INSERT OR REPLACE INTO %q (uuid, id, keeps, gone) VALUES (?, ?, ?, ?)", engines)

// left reads what a controller left.
func (s *Store) left(conn *sql.Conn) (*hub.Left, error) {
	out := new(hub.Left)
	err := query(conn, fmt.Sprintf("SELECT id, uuid, keeps, gone FROM %q ORDER BY id, rowid", engines), func(scan func(...any) error) error {
		var e hub.Engine
		err := scan(&e.ID, &e.UUID, &e.Keeps, &e.Gone)
		out.Engines = append(out.Engines, e)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = query(conn, fmt.Sprintf("SELECT msg_id, engine_uuid, coalesce(queue, '') FROM %q r WHERE engine_uuid <> '' AND NOT EXISTS (SELECT 1 FROM %q t WHERE t.msg_id = r.msg_id) ORDER BY rowid", tries, s.table), func(scan func(...any) error) error {
		var p hub.Sent
		err := scan(&p.Task, &p.Engine, &p.Queue)
		out.Strays = append(out.Strays, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = query(conn, fmt.Sprintf("SELECT t.msg_id, t.header, t.metadata, t.content, %s, coalesce(t.queue, ''), coalesce(t.engine_uuid, ''), "+
		"r.retries, coalesce(r.refused, 'null'), coalesce(r.deaths, 'null'), coalesce(r.aborted, 0) "+
		"FROM %q t LEFT JOIN %q r ON r.msg_id = t.msg_id WHERE t.rowid > (SELECT began FROM %q) AND t.received IS NULL ORDER BY t.rowid",
		sharedBuffers, s.table, tries, run), func(scan func(...any) error) error {
		t, err := unanswered(scan)
		if err == nil {
			out.Tasks = append(out.Tasks, t)
			return nil
		}
		if t.Message == nil {
			return err
		}
		s.cfg.Log.Error("a task cannot be restored: its record is spoiled", "file", s.cfg.Path, "task", t.Message.Header.MsgID, "err", err)
		return nil
	})
	if err != nil {
		return nil, err
	}
	const most = 1 << 20 // that the scheduler would remember
	outcome := func(scan func(...any) error) error {
		var o hub.Outcome
		err := scan(&o.Task, &o.Engine, &o.OK)
		out.Outcomes = append(out.Outcomes, o)
		return err
	}
	err = query(conn, fmt.Sprintf("SELECT msg_id, coalesce(engine_uuid, ''), ok FROM (SELECT rowid AS n, msg_id, engine_uuid, "+
		"CASE WHEN json_valid(result_metadata) THEN coalesce(json_extract(result_metadata, '$.status') = 'ok', 0) ELSE 0 END AS ok "+
		"FROM %q WHERE rowid > (SELECT began FROM %q) AND received IS NOT NULL AND queue = 'task' ORDER BY rowid DESC LIMIT %d) ORDER BY n",
		s.table, run, most), outcome)
	if err != nil {
		return nil, err
	}
	return out, query(conn, fmt.Sprintf("SELECT msg_id, engine_uuid, ok FROM %q WHERE ok IS NOT NULL ORDER BY rowid", tries), outcome)
}

// unanswered reads a task. With an error that is about its record alone, the
// message has its id.
func unanswered(scan func(...any) error) (t hub.Unanswered, err error) {
	m := new(wire.Message)
	var buffers []byte
	var retries sql.NullInt64
	var refused, deaths []byte
	var tried hub.Tried
	err = scan(&m.Header.MsgID, (*[]byte)(&m.RawHeader), (*[]byte)(&m.Metadata), (*[]byte)(&m.Content), &buffers, &t.Queue, &t.Engine,
		&retries, &refused, &deaths, &tried.Aborted)
	if err != nil {
		return t, err
	}
	t.Message = m
	tried.Task = m.Header.MsgID
	err = wire.ParseHeader(m.RawHeader, &m.Header)
	if err == nil && buffers != nil {
		m.Buffers, err = unpickleBuffers(buffers)
	}
	if retries.Valid {
		tried.Retries = int(retries.Int64)
		t.Tried = &tried
		err = errors.Join(err, json.Unmarshal(refused, &tried.Refused), json.Unmarshal(deaths, &tried.Deaths))
	}
	return t, err
}

// query calls f for each row.
func query(conn *sql.Conn, text string, f func(scan func(...any) error) error) error {
	rows, err := conn.QueryContext(context.Background(), text)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
