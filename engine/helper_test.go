package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"muster/wire"
)

var _ = Func("test.Grow", func(ctx context.Context, name string) int {
	p := Properties(ctx)
	n, _ := p[name].(int)
	p[name] = n + 1
	return n + 1
})

// failsWith checks that a request does.
func (r *engineRun) failsWith(id wire.MsgID, ename, words string) {
	r.c.tb.Helper()
	if _, c := r.reply(id); c.Ename != ename || !strings.Contains(c.Evalue, words) {
		r.c.tb.Errorf("%s: %s, want %s with %q", c.Ename, c.Evalue, ename, words)
	}
}

// shows checks the value of a call, as text.
func (r *engineRun) shows(id wire.MsgID, want string) {
	r.c.tb.Helper()
	if got := fmt.Sprint(r.value(id)); got != want {
		r.c.tb.Errorf("got %s, want %s", got, want)
	}
}

// Properties are seen by clients, cells and compiled functions, and outlive
// what becomes of the namespace.
func TestProperties(t *testing.T) {
	r := newEngine(t, Config{})
	names := func(n ...any) []any { return append([]any{}, n...) }
	r.value(r.apply(wire.SetPropertiesFunction, map[string]any{"gpus": 2, "host": "n7"}))
	r.shows(r.apply(wire.PropertiesFunction, names()), "map[gpus:2 host:n7]")
	r.shows(r.apply("func() int { return properties[`gpus`].(int) }"), "2")
	r.shows(r.apply("test.Grow", "gpus"), "3")
	r.reply(r.execute("type box struct{ W float64 }\nproperties[`box`] = box{1.5}"))
	r.shows(r.apply(wire.PropertiesFunction, names("box", "gpus")), "map[box:map[W:1.5] gpus:3]")
	r.shows(r.apply(wire.HasPropertiesFunction, names("box", "none")), "[true false]")
	r.failsWith(r.apply(wire.DeletePropertiesFunction, names("box", "none")), KeyError, "'none'")
	r.value(r.apply(wire.DeletePropertiesFunction, names("box")))
	r.failsWith(r.apply(wire.PropertiesFunction, names("box")), KeyError, "'box'")
	r.failsWith(r.execute("properties = nil"), "CompileError", "cannot assign to properties")
	r.value(r.apply(wire.PushFunction)) // nothing
	r.reply(r.execute("properties := 5"))
	r.shows(r.apply(wire.PropertiesFunction, names("host")), "map[host:n7]")
	r.reply(r.request("clear_request", nil))
	r.shows(r.apply("func() any { return properties[`host`] }"), "n7")
	r.shows(r.apply(wire.KeysFunction), "[]")
	r.value(r.apply(wire.ClearPropertiesFunction))
	r.shows(r.apply("func() int { return len(properties) }"), "0")
	r.failsWith(r.apply(wire.SetPropertiesFunction, 5), TypeError, "a dict")
	if Properties(context.Background()) != nil {
		t.Error("properties outside of an engine")
	}
}

func TestHelpers(t *testing.T) {
	r := newEngine(t, Config{})
	r.value(r.apply(wire.ImportFunction, []any{"crypto/rand", "strings"}))
	r.shows(r.apply("func() int { n, _ := rand.Read(make([]byte, 4)); return n }"), "4")
	r.failsWith(r.apply(wire.ImportFunction, []any{"no/such"}), "CompileError", "compiled into this engine (checkpoint, heat, test")
	r.value(r.apply(wire.DefineFunction, map[string]any{"f": "func(x int) int { return x + 1 }", "g": "func g[T any](x T) T { return x }"}))
	r.shows(r.apply("func() int { return g(f(2)) }"), "3")
	r.reply(r.execute("a := 1\nfunc h() {}"))
	r.shows(r.apply(wire.KeysFunction), "[a f g h]")
	r.shows(r.apply(wire.SourceFunction, []any{"g", "h"}), "[func g[T any](x T) T { return x } func h() {}]")
	r.failsWith(r.apply(wire.SourceFunction, []any{"test.Sum"}), TypeError, "compiled")
	r.failsWith(r.apply(wire.DefineFunction, map[string]any{"f": 5}), TypeError, "not a string")
	r.failsWith(r.apply(wire.DefineFunction, map[string]any{"f": "5"}), TypeError, "no function")
}

// A file is run under its name, and a program as one.
func TestRunFile(t *testing.T) {
	r := newEngine(t, Config{})
	run := func(code string) wire.Reply {
		t.Helper()
		id := r.c.send("mux", []byte(r.uuid), wire.ExecuteRequest, map[string]string{wire.SourceFile: "heat.go"}, map[string]any{"code": code})
		_, c := r.reply(id)
		return c
	}
	if c := run("package main\nfunc main() { done = two() }\nvar done int\nfunc two() int { return 2 }"); c.Status != wire.StatusOK {
		t.Fatalf("%+v", c)
	}
	r.shows(r.apply("func() int { return done }"), "2")
	c := run("package main\nfunc main() {\n\tpanic(`oh`)\n}")
	if tb := strings.Join(c.Traceback, "\n"); !strings.Contains(tb, "heat.go, line 3, in main") {
		t.Errorf("traceback:\n%s", tb)
	}
}

// What is silent is not shown and not counted; what is not stored is not
// counted (Jupyter messaging, "Execute").
func TestHistory(t *testing.T) {
	r := newEngine(t, Config{})
	for _, c := range []struct {
		content map[string]any
		count   int
		shown   string // the types of the messages on iopub
	}{
		{map[string]any{"code": "1"}, 1, "status execute_input execute_result status"},
		{map[string]any{"code": "1", "silent": true}, 1, "status status"},
		{map[string]any{"code": "1", "silent": true, "store_history": true}, 1, "status status"},
		{map[string]any{"code": "1", "store_history": false}, 1, "status execute_input execute_result status"},
		{map[string]any{"code": "1", "store_history": true}, 2, "status execute_input execute_result status"},
	} {
		id := r.request(wire.ExecuteRequest, c.content)
		var shown []string
		var count struct {
			N int `json:"execution_count"`
		}
		for idle, replied := false, false; !idle || !replied; {
			ev := r.c.find(func(ev event) bool { return ev.Message != nil && ev.Parent.MsgID == id })
			if ev.channel != "iopub" {
				replied = true
				if err := json.Unmarshal(ev.Content, &count); err != nil {
					t.Fatal(err)
				}
				continue
			}
			shown = append(shown, ev.Header.MsgType)
			idle = string(ev.Content) == string(statusIdle)
		}
		if got := strings.Join(shown, " "); got != c.shown || count.N != c.count {
			t.Errorf("%v: count %d, shown %s; want %d, %s", c.content, count.N, got, c.count, c.shown)
		}
	}
}
