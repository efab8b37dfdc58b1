package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster/controller/hub"
	"muster/wire"
)

// read finds what a query asks for.
func (s *Store) read(q *hub.Query) ([]hub.Row, error) {
	conn, err := s.db.Conn(context.Background())
	if err != nil {
		return nil, s.reading(err)
	}
	defer conn.Close()
	var rows []hub.Row
	size := 0
	err = each(conn, s.table, q, func(_ string, r hub.Row, n int) error {
		if size += n; size > s.cfg.Limit {
			return fmt.Errorf("the records take more than %d MB: ask for fewer of them, or for fewer keys", s.cfg.Limit/1e6)
		}
		rows = append(rows, r)
		return nil
	})
	if err != nil {
		return nil, s.reading(err)
	}
	return rows, nil
}

func (s *Store) reading(err error) error {
	return fmt.Errorf("read the database %s: %w", s.cfg.Path, err)
}

// matching lists the ids of the records that a query matches.
func matching(conn *sql.Conn, table string, q *hub.Query) ([]string, error) {
	ids := []string{}
	bare := &hub.Query{IDs: q.IDs, Conditions: q.Conditions}
	err := each(conn, table, bare, func(id string, _ hub.Row, _ int) error {
		ids = append(ids, id)
		return nil
	})
	return ids, err
}

// each calls f with the id of every record that a query matches, in the order
// in which the tasks came, with what is asked for, and about how many bytes
// that is. SQL narrows down which rows are looked at; what decides is the
// operators of package hub.
func each(conn *sql.Conn, table string, q *hub.Query, f func(string, hub.Row, int) error) error {
	if q.IDs == nil {
		return eachWhere(conn, table, q, "", nil, f)
	}
	list, _ := json.Marshal(q.IDs) // strings cannot fail
	found := make(map[wire.MsgID]bool)
	err := eachWhere(conn, table, q, "msg_id IN (SELECT value FROM json_each(?))", []any{string(list)}, func(id string, r hub.Row, n int) error {
		found[wire.MsgID(id)] = true
		return f(id, r, n)
	})
	for _, id := range q.IDs {
		if err != nil {
			break
		}
		if !found[id] {
			// The tasks of a broadcast are called <id>_<engine>.
			err = eachWhere(conn, table, q, "msg_id > ? AND msg_id < ? AND queue = 'broadcast' AND msg_id = ? || engine_uuid",
				[]any{string(id) + "_", string(id) + "`", string(id) + "_"}, f)
		}
	}
	return err
}

func eachWhere(conn *sql.Conn, table string, q *hub.Query, where string, args []any, f func(string, hub.Row, int) error) error {
	var clauses []string
	if where != "" {
		clauses = append(clauses, where)
	}
	// The columns are the id, what is asked for, and what it takes to decide.
	fields := append([]*hub.Field{columns[0].field}, q.Fields...)
	for _, c := range q.Conditions {
		if !slices.Contains(fields, c.Field) {
			fields = append(fields, c.Field)
		}
		if clause, more := narrow(&c); clause != "" {
			clauses = append(clauses, clause)
			args = append(args, more...)
		}
	}
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	if q.Buffers {
		names = append(names, sharedBuffers)
	}
	if q.ResultBuffers {
		names = append(names, "result_buffers")
	}
	text := fmt.Sprintf("SELECT %s FROM %q t", strings.Join(names, ", "), table)
	if len(clauses) > 0 {
		text += " WHERE " + strings.Join(clauses, " AND ")
	}
	rows, err := conn.QueryContext(context.Background(), text+" ORDER BY rowid", args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		id, row, size, err := scan(rows, q, fields, len(names))
		if err == nil && id != "" {
			err = f(id, row, size)
		}
		if err != nil {
			return err
		}
	}
	return rows.Err()
}

// sharedBuffers are those of a row of the table t, wherever they are.
var sharedBuffers = fmt.Sprintf("CASE typeof(t.buffers) WHEN 'text' THEN (SELECT b.buffers FROM %q b WHERE b.msg_id = t.buffers) ELSE t.buffers END", broadcasts)

// scan reads a row and returns its id, "" if the query does not match it.
func scan(rows *sql.Rows, q *hub.Query, fields []*hub.Field, n int) (id string, row hub.Row, size int, err error) {
	values := make([]any, n)
	to := make([]any, n)
	for i := range values {
		to[i] = &values[i]
	}
	if err := rows.Scan(to...); err != nil {
		return "", row, 0, err
	}
	for i, f := range fields {
		size += sizeOfColumn(values[i])
		if values[i], err = convert(f.Kind, values[i]); err != nil {
			return "", row, 0, fmt.Errorf("record %v: column %s: %w", values[0], f.Name, err)
		}
	}
	for i := range q.Conditions {
		c := &q.Conditions[i]
		if !c.Holds(values[slices.Index(fields, c.Field)]) {
			return "", row, 0, nil
		}
	}
	id, _ = values[0].(string)
	row = hub.Row{Query: q, Values: values[1 : 1+len(q.Fields)]}
	rest := values[len(fields):]
	for _, wanted := range []struct {
		is bool
		to *[][]byte
	}{{q.Buffers, &row.Buffers}, {q.ResultBuffers, &row.ResultBuffers}} {
		if !wanted.is {
			continue
		}
		b, _ := rest[0].([]byte)
		rest = rest[1:]
		if b == nil {
			continue
		}
		size += len(b)
		if *wanted.to, err = unpickleBuffers(b); err != nil {
			return "", row, 0, fmt.Errorf("record %v: buffers: %w", values[0], err)
		}
	}
	return id, row, size, nil
}

// sizeOfColumn is what a value takes in memory, about.
func sizeOfColumn(v any) int {
	const fixed = 16
	switch v := v.(type) {
	case string:
		return fixed + len(v)
	case []byte:
		return fixed + len(v)
	}
	return 2 * fixed
}

// convert makes of a column's value one of its field's kind.
func convert(k hub.Kind, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	blob, isBlob := v.([]byte)
	text, isText := v.(string)
	if isBlob {
		text = string(blob)
	}
	switch k {
	case hub.Date:
		if t, ok := v.(time.Time); ok {
			return wire.Time{Time: t.UTC()}, nil
		}
	case hub.Object:
		if raw := json.RawMessage(text); (isText || isBlob) && json.Valid(raw) {
			return raw, nil
		}
		return nil, fmt.Errorf("no JSON: %.40q", text)
	case hub.Any:
		if isBlob {
			var out any
			err := json.Unmarshal(blob, &out)
			return out, err
		}
	}
	if isText || isBlob {
		return text, nil
	}
	return nil, fmt.Errorf("a value of type %T", v)
}

// narrow is SQL that holds at least for every row that a condition holds for,
// or "".
func narrow(c *hub.Condition) (clause string, args []any) {
	column := c.Field.Name
	switch c.Operator {
	case "$exists":
		if c.Argument == true {
			return column + " IS NOT NULL", nil
		}
		return column + " IS NULL", nil
	case "$eq":
		if c.Argument == nil {
			return column + " IS NULL", nil
		}
	case "$ne":
		if c.Argument == nil {
			return column + " IS NOT NULL", nil
		}
	}
	switch argument := c.Argument.(type) {
	case string:
		return narrowText(column, c.Operator, argument)
	case wire.Time:
		return narrowDate(column, c.Operator, argument)
	case []any:
		if c.Operator == "$in" && c.Field.Kind == hub.Text {
			list, err := json.Marshal(argument)
			if err != nil || strings.Contains(string(list), `\u0000`) {
				return "", nil
			}
			clause = fmt.Sprintf("%s IN (SELECT value FROM json_each(?))", column)
			if slices.Contains(argument, nil) {
				clause = fmt.Sprintf("(%s OR %s IS NULL)", clause, column)
			}
			return clause, []any{string(list)}
		}
	}
	return "", nil
}

// comparisons are operators that SQL has as well.
var comparisons = map[string]string{"$eq": "=", "$lt": "<", "$lte": "<=", "$gt": ">", "$gte": ">="}

func narrowText(column, operator, argument string) (string, []any) {
	if strings.Contains(argument, "\x00") {
		return "", nil
	}
	if op := comparisons[operator]; op != "" {
		return column + " " + op + " ?", []any{argument}
	}
	// SQLite has sets of its own making, and bounds the length of a pattern.
	if operator == "$glob" && !strings.Contains(argument, "[") && len(argument) < 1000 {
		return column + " GLOB ?", []any{argument}
	}
	return "", nil
}

// narrowDate compares whole seconds: Python writes the rest in other ways.
func narrowDate(column, operator string, argument wire.Time) (string, []any) {
	from := argument.UTC().Format("2006-01-02T15:04:05")
	to := from + "~"
	switch operator {
	case "$eq":
		return column + " BETWEEN ? AND ?", []any{from, to}
	case "$lt", "$lte":
		return column + " <= ?", []any{to}
	case "$gt", "$gte":
		return column + " >= ?", []any{from}
	}
	return "", nil
}
