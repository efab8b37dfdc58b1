package store

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/controller/hub"
	"muster/wire"
)

// A twin is two hubs that are told the same: one keeps its records in memory,
// the other in a store.
type twin struct {
	t      *testing.T
	memory *hub.Machine
	sqlite *hub.Machine
	store  *Store
}

func newTwin(t *testing.T) *twin {
	cfg := hub.Config{Period: 60, Misses: 2, Grace: 10, Stall: 600, Young: 200, Records: 1000, Bytes: 1 << 30,
		NewID: func() wire.MsgID { return "new" }}
	w := &twin{t: t, memory: hub.New(cfg), store: openStore(t, Config{})}
	cfg.Database = hub.Elsewhere
	w.sqlite = hub.New(cfg)
	return w
}

// step tells both hubs, and returns their replies as JSON.
func (w *twin) step(ev hub.Event) (memory, sqlite string) {
	for _, a := range w.memory.Step(ev) {
		memory += w.text(a)
	}
	var perform func(actions []hub.Action)
	perform = func(actions []hub.Action) {
		for _, a := range actions {
			switch a := a.(type) {
			case hub.Keep:
				w.store.Keep(a.Change)
			case hub.Find:
				answer := make(chan hub.Found, 1)
				w.store.Find(a.Query, func(f hub.Found) { answer <- f })
				select {
				case f := <-answer:
					perform(a.Then(f))
				case <-time.After(limit):
					w.t.Fatal("no answer")
				}
			default:
				sqlite += w.text(a)
			}
		}
	}
	perform(w.sqlite.Step(ev))
	return memory, sqlite
}

func (w *twin) text(a hub.Action) string {
	r, ok := a.(hub.Reply)
	if !ok {
		return fmt.Sprintf("%T ", a)
	}
	b, err := json.Marshal(r.Content)
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprintf("%s %s %q", r.Type, b, r.Buffers)
}

// same tells both, which have to answer alike, and returns the answer.
func (w *twin) same(ev hub.Event) string {
	w.t.Helper()
	memory, sqlite := w.step(ev)
	if memory != sqlite {
		w.t.Fatalf("memory answers\n%s\nthe store\n%s", memory, sqlite)
	}
	return memory
}

func (w *twin) ask(kind string, content any) string {
	w.t.Helper()
	return w.same(hub.Request{From: "client", Message: message(kind, "q", "", nil, content, nil)})
}

// Queries find the same in memory and in the database, which is what a
// deliberately dumb reading of the operators finds; and the other requests are
// answered alike.
func TestQueries(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { queries(t, rand.New(rand.NewPCG(seed, 0))) })
	}
}

var labels = []any{nil, "", "a", "ab", "b*", "a[b]c", "ärger", "2026-11-20T16:00:05Z", 3.0, -4.0, -3.0, true, []any{"a", 1.0}, map[string]any{"k": "v"}}

func queries(t *testing.T, rng *rand.Rand) {
	sent = 0 // dates begin anew
	w := newTwin(t)
	w.same(hub.Tick{N: 1})
	var all []map[string]any // every record as a dumb reader sees it
	for i := range 30 + rng.IntN(30) {
		id := fmt.Sprintf("s_1_%d", i)
		ev := requested(id, labels[rng.IntN(len(labels))], make([]byte, rng.IntN(3)))
		if rng.IntN(4) == 0 { // Python's other ways to write a date
			ev.Message.Header.Date.Time = epoch.Add(time.Duration(rng.IntN(4)) * 250 * time.Millisecond)
			ev.Message.RawHeader, _ = json.Marshal(ev.Message.Header)
		}
		w.same(ev)
		rec := map[string]any{"msg_id": id, "queue": "task", "stdout": "", "label": ev.Message.Metadata, "submitted": ev.Message.Header.Date.Time,
			"engine_uuid": nil, "received": nil, "started": nil, "execute_input": nil}
		var metadata map[string]any
		json.Unmarshal(ev.Message.Metadata, &metadata)
		rec["label"] = metadata["label"]
		if rng.IntN(3) > 0 {
			engine := fmt.Sprint("e", rng.IntN(3))
			w.same(hub.Placed{Task: wire.MsgID(id), Engine: wire.EngineUUID(engine)})
			rec["engine_uuid"] = engine
		}
		for range rng.IntN(3) {
			word := []string{"x", "yy", "x\ny", "[z]"}[rng.IntN(4)]
			w.same(printed(id, "stdout", word))
			rec["stdout"] = rec["stdout"].(string) + word
		}
		if rng.IntN(3) > 0 {
			r := replied(id, make([]byte, rng.IntN(3)))
			w.same(r)
			rec["received"], rec["started"] = r.At.Time, epoch
		}
		if rng.IntN(5) == 0 { // in one transaction or in several
			w.ask(wire.HistoryRequest, map[string]any{})
		}
		all = append(all, rec)
	}
	for range 150 {
		query := make(map[string]any)
		for range 1 + rng.IntN(2) {
			name := []string{"msg_id", "queue", "stdout", "label", "submitted", "engine_uuid", "received", "started", "execute_input"}[rng.IntN(9)]
			query[name] = argument(rng, name)
		}
		answer := w.ask(wire.DBRequest, map[string]any{"query": query, "keys": []string{"label", "buffers", "stdout", "submitted", "result_buffers"}})
		if strings.Contains(answer, `"ename":"ValueError"`) {
			continue
		}
		var want []string
		for _, rec := range all {
			if dumb(rec, query) {
				want = append(want, rec["msg_id"].(string))
			}
		}
		var content struct {
			Records []struct {
				ID string `json:"msg_id"`
			} `json:"records"`
		}
		body := strings.TrimPrefix(answer, "db_reply ")
		if err := json.NewDecoder(strings.NewReader(body)).Decode(&content); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range content.Records {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, want) {
			b, _ := json.Marshal(query)
			t.Fatalf("%s finds\n%q, want\n%q", b, got, want)
		}
	}
	for range 10 {
		id := fmt.Sprintf("s_1_%d", rng.IntN(70))
		w.ask(wire.ResultRequest, map[string]any{"msg_ids": []string{id, "s_1_0"}, "status_only": rng.IntN(2) == 0})
		w.ask(wire.ResubmitRequest, map[string]any{"msg_ids": []string{id}})
		w.ask(wire.DBRequest, map[string]any{"query": map[string]any{"msg_id": id}})
		w.ask(wire.PurgeRequest, map[string]any{"msg_ids": []string{id}})
	}
	w.ask(wire.PurgeRequest, map[string]any{"msg_ids": "all"})
	w.ask(wire.HistoryRequest, map[string]any{})
}

// argument makes a condition on a field.
func argument(rng *rand.Rand, name string) any {
	one := func() any {
		switch {
		case rng.IntN(6) == 0:
			return nil
		case name == "submitted" || name == "received" || name == "started":
			at := epoch.Add(time.Duration(rng.IntN(400)) * 250 * time.Millisecond)
			if rng.IntN(2) == 0 {
				return at.In(time.FixedZone("", 3600)).Format("2006-01-02T15:04:05.999999-07:00")
			}
			return at.Format("2006-01-02T15:04:05.000000Z")
		case name == "msg_id":
			return fmt.Sprintf("s_1_%d", rng.IntN(60))
		case name == "queue":
			return []string{"task", "mux"}[rng.IntN(2)]
		case name == "engine_uuid":
			return fmt.Sprint("e", rng.IntN(3))
		case name == "stdout":
			return []string{"", "x", "xx\ny", "yyx", "[z]"}[rng.IntN(5)]
		}
		if l := labels[rng.IntN(len(labels))]; reflect.ValueOf(l).Kind() != reflect.Map {
			return l
		}
		return "a"
	}
	several := func() any {
		out := []any{}
		for range rng.IntN(4) {
			out = append(out, one())
		}
		return out
	}
	operators := make(map[string]any)
	for range 1 + rng.IntN(2) {
		switch op := []string{"$eq", "$ne", "$lt", "$gt", "$lte", "$gte", "$in", "$nin", "$all", "$mod", "$exists", "$glob", ""}[rng.IntN(13)]; op {
		case "$in", "$nin", "$all":
			operators[op] = several()
		case "$mod":
			operators[op] = []any{float64(rng.IntN(5) - 2), float64(rng.IntN(4) - 1)}
		case "$exists":
			operators[op] = rng.IntN(2) == 0
		case "$glob":
			operators[op] = []string{"*", "s_1_?", "s_1_[1-3]*", "[!s]*", "*y*x", "a[[]b]c", "?rger", "", "x*\n?"}[rng.IntN(9)]
		case "":
			return one()
		default:
			operators[op] = one()
		}
	}
	return operators
}

// dumb tells whether a record matches, by the shortest reading of protocol
// section 7. It serves arguments of the right type.
func dumb(rec, query map[string]any) bool {
	for name, arg := range query {
		operators, ok := arg.(map[string]any)
		if !ok {
			operators = map[string]any{"$eq": arg}
		}
		for op, arg := range operators {
			if !dumbTest(rec[name], op, arg) {
				return false
			}
		}
	}
	return true
}

func dumbTest(v any, op string, arg any) bool {
	at, isDate := v.(time.Time)
	same := func(x any) bool {
		if s, ok := x.(string); ok && isDate {
			t, err := time.Parse(time.RFC3339Nano, s)
			return err == nil && t.Equal(at)
		}
		return reflect.DeepEqual(v, x)
	}
	less, more := false, false
	switch x := arg.(type) {
	case string:
		if s, ok := v.(string); ok {
			less, more = s < x, s > x
		} else if isDate {
			t, _ := time.Parse(time.RFC3339Nano, x)
			less, more = at.Before(t), at.After(t)
		}
	case float64:
		if n, ok := v.(float64); ok {
			less, more = n < x, n > x
		}
	}
	list, _ := arg.([]any)
	switch op {
	case "$eq":
		return same(arg)
	case "$ne":
		return !same(arg)
	case "$lt":
		return less
	case "$gt":
		return more
	case "$lte":
		return less || v != nil && same(arg)
	case "$gte":
		return more || v != nil && same(arg)
	case "$in":
		return slices.ContainsFunc(list, same)
	case "$nin":
		return !slices.ContainsFunc(list, same)
	case "$exists":
		return arg == (v != nil)
	case "$all":
		have, ok := v.([]any)
		for _, x := range list {
			ok = ok && slices.ContainsFunc(have, func(y any) bool { return reflect.DeepEqual(x, y) })
		}
		return ok
	case "$mod":
		n, ok := v.(float64)
		for d := list[0].(float64); ok && (n < 0 || n >= d && d > 0); {
			if d < 0 {
				d = -d
			}
			if n < 0 {
				n += d
			} else {
				n -= d
			}
		}
		if d := list[0].(float64); ok && d < 0 && n != 0 { // Python's remainder has the sign of the divisor
			for n > 0 {
				n += d
			}
			for n <= d {
				n -= d
			}
		}
		return ok && n == list[1].(float64)
	case "$glob":
		s, ok := v.(string)
		return ok && dumbGlob(arg.(string), s)
	}
	panic(op)
}

// dumbGlob tries everything.
func dumbGlob(p, s string) bool {
	if p == "" {
		return s == ""
	}
	if p[0] == '*' {
		return dumbGlob(p[1:], s) || s != "" && dumbGlob(p, s[1:])
	}
	if s == "" {
		return false
	}
	r := []rune(s)
	rest := string(r[1:])
	if p[0] == '?' {
		return dumbGlob(p[1:], rest)
	}
	if p[0] == '[' {
		for set, holds := range map[string]func(rune) bool{
			"[1-3]": func(r rune) bool { return r >= '1' && r <= '3' },
			"[!s]":  func(r rune) bool { return r != 's' },
			"[[]":   func(r rune) bool { return r == '[' },
		} {
			if strings.HasPrefix(p, set) {
				return holds(r[0]) && dumbGlob(p[len(set):], rest)
			}
		}
	}
	q := []rune(p)
	return q[0] == r[0] && dumbGlob(string(q[1:]), rest)
}
