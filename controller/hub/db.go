package hub

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"muster/wire"
)

// A Query says which records are asked for, and what of them.
type Query struct {
	// IDs are those of tasks and of broadcasts, which stand for all of their
	// tasks; nil is every task. Each is there once.
	IDs []wire.MsgID
	// Conditions have all to hold.
	Conditions []Condition
	// Fields are wanted, and Buffers and ResultBuffers if they are true.
	Fields                 []*Field
	Buffers, ResultBuffers bool
	// Drop drops the records.
	Drop bool
}

// A Row is what a query asked for of one record: values as Field.Of gives them,
// in the order of the query's fields.
type Row struct {
	Query                  *Query
	Values                 []any
	Buffers, ResultBuffers [][]byte
}

// value is that of a field, nil if it was not asked for.
func (r *Row) value(name string) any {
	for i, f := range r.Query.Fields {
		if f.Name == name {
			return r.Values[i]
		}
	}
	return nil
}

// MarshalJSON writes the fields as an object.
func (r Row) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, f := range r.Query.Fields {
		value, err := json.Marshal(r.Values[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, f.Name...)
		b = append(b, '"', ':')
		b = append(b, value...)
	}
	return append(b, '}'), nil
}

// Found is the answer to a query: rows in the order in which the tasks came.
type Found struct {
	Rows []Row
	// Lost says why records may be missing, "" when none can.
	Lost string
	Err  error
}

// NoData is the error that there are no records to find.
type NoData string

func (e NoData) Error() string { return string(e) }

// failed tells a client why its query came to nothing.
func failed(err error) *failure {
	if text, ok := err.(NoData); ok {
		return &failure{"NoData", string(text)}
	}
	return &failure{"OperationalError", err.Error()} // as sqlite3 calls it in Python
}

func (q *Query) matches(r *Record) bool {
	for _, c := range q.Conditions {
		if !c.Holds(c.Field.Of(r)) {
			return false
		}
	}
	return true
}

func (q *Query) row(r *Record) Row {
	row := Row{Query: q, Values: make([]any, len(q.Fields))}
	for i, f := range q.Fields {
		row.Values[i] = f.Of(r)
	}
	if q.Buffers {
		row.Buffers = r.Request.Buffers
	}
	if q.ResultBuffers && r.Reply != nil {
		row.ResultBuffers = r.Reply.Buffers
	}
	return row
}

// The keys that stand for buffers.
const (
	buffersKey       = "buffers"
	resultBuffersKey = "result_buffers"
)

// selectKeys makes the part of a query that says what is wanted: everything
// but buffers without keys, and the id in any case.
func (q *Query) selectKeys(keys []string) *failure {
	if keys == nil {
		for i := range Fields {
			q.Fields = append(q.Fields, &Fields[i])
		}
		return nil
	}
	q.Fields = fieldsOf("msg_id")
	for _, k := range keys {
		switch f := field(k); {
		case k == buffersKey:
			q.Buffers = true
		case k == resultBuffersKey:
			q.ResultBuffers = true
		case f == nil:
			return noField(k)
		case !slices.Contains(q.Fields, f):
			q.Fields = append(q.Fields, f)
		}
	}
	return nil
}

func noField(name string) *failure { return keyError("records have no field " + name) }

// fieldsOf are the fields of those names.
func fieldsOf(names ...string) []*Field {
	fields := make([]*Field, len(names))
	for i, name := range names {
		fields[i] = field(name)
	}
	return fields
}

// query finds records for a client (protocol section 7).
func (m *Machine) query(r request) {
	var content struct {
		Query map[string]json.RawMessage `json:"query"`
		Keys  []string                   `json:"keys"`
	}
	err := decode(r.Message, &content)
	q := new(Query)
	if err == nil {
		q.Conditions, err = compile(content.Query)
	}
	if err == nil {
		err = q.selectKeys(content.Keys)
	}
	if err != nil {
		m.do(r.fail(err))
		return
	}
	m.find(q, func(f Found) []Action {
		if f.Err != nil {
			return []Action{r.fail(failed(f.Err))}
		}
		content, buffers := listed(q, f.Rows)
		return []Action{r.ok(content, buffers...)}
	})
}

// listed is the content of a db_reply, and its buffers.
func listed(q *Query, rows []Row) (content any, buffers [][]byte) {
	reply := struct {
		Status           string `json:"status"`
		Records          []Row  `json:"records"`
		BufferLens       []int  `json:"buffer_lens"` // null unless asked for
		ResultBufferLens []int  `json:"result_buffer_lens"`
	}{Status: wire.StatusOK, Records: append([]Row{}, rows...)}
	if q.Buffers {
		reply.BufferLens = make([]int, len(rows))
	}
	if q.ResultBuffers {
		reply.ResultBufferLens = make([]int, len(rows))
	}
	for i, row := range rows {
		if q.Buffers {
			reply.BufferLens[i] = len(row.Buffers)
			buffers = append(buffers, row.Buffers...)
		}
		if q.ResultBuffers {
			reply.ResultBufferLens[i] = len(row.ResultBuffers)
			buffers = append(buffers, row.ResultBuffers...)
		}
	}
	return reply, buffers
}

// compile reads a query: {field: value} for equality, {field: {operator: value}}
// for the rest.
func compile(query map[string]json.RawMessage) ([]Condition, *failure) {
	var out []Condition
	for _, name := range slices.Sorted(maps.Keys(query)) {
		f := field(name)
		if f == nil {
			return nil, noField(name)
		}
		var value any
		if err := json.Unmarshal(query[name], &value); err != nil {
			return nil, valueError("db_request: %q: %v", name, err)
		}
		arguments, ok := value.(map[string]any)
		if !ok {
			arguments = map[string]any{"$eq": value}
		}
		for _, operator := range slices.Sorted(maps.Keys(arguments)) {
			c, err := NewCondition(f, operator, arguments[operator])
			if err != nil {
				return nil, valueError("db_request: %v", err)
			}
			out = append(out, c)
		}
	}
	return out, nil
}
