package engine

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"muster/wire"
	"muster/wire/pickle"
)

var (
	_ = Func("test.Ready", func(ctx context.Context) bool { return Properties(ctx)["ready"] == true })
	_ = Func("test.Ratio", func(x float64, by float64) float64 { return x / by })
)

// demand sends a call of a function that takes nothing, with metadata.
func (r *engineRun) demand(fn string, metadata map[string]any) wire.MsgID {
	r.c.tb.Helper()
	buffers, err := codec.SerializeCall(pickle.Reference{Name: fn}, nil, nil)
	if err != nil {
		r.c.tb.Fatal(err)
	}
	return r.c.send("task", []byte(r.uuid), wire.ApplyRequest, metadata, nil, buffers...)
}

// A request runs where what it depends on is so, and is refused with the reason
// elsewhere, without a trace on iopub.
func TestDepend(t *testing.T) {
	r := newEngine(t, Config{})
	r.value(r.apply(wire.SetPropertiesFunction, map[string]any{"gpu": true, "mem": 16e9, "kinds": []string{"a", "b"}}))
	r.reply(r.execute("warm := false\nfunc ok() bool { return warm }\nfunc three() int { return 3 }\nfunc fails() (bool, error) { return true, errors.New(`no disk`) }"))
	r.reply(r.execute("properties[`version`] = 3"))
	for _, c := range []struct {
		metadata map[string]any
		want     string // "" if it is to run
	}{
		{map[string]any{"depend": "gpu && mem > 1e9 && len(kinds) == 2 && version == 3"}, ""},
		{map[string]any{"depend": "host != '' && cores > 0 && RAM > 1e6 && rank == 0 && size == 1 && id >= 0 && pid > 1"}, ""},
		{map[string]any{"depend": "'gpu' in properties && !('tpu' in properties)"}, ""},
		{map[string]any{"depend": "mem > 1e12"}, "depend `mem > 1e12` is false (mem = 1.6e+10)"},
		{map[string]any{"depend": "tpu"}, "depend `tpu`: there is no property tpu"},
		{map[string]any{"depend": "mem >"}, "depend `mem >`: depend: unexpected token EOF"},
		{map[string]any{"require": []string{"ok", "test.Sum", "math/cmplx", "strings", "properties"}}, ""},
		{map[string]any{"require": []string{"ok", "tpu"}}, "require: there is no variable, function or package tpu"},
		{map[string]any{"require": []string{"no/such"}}, "require: there is no variable, function or package no/such"},
		{map[string]any{"depend_function": "ok"}, "depend ok() is false"},
		{map[string]any{"depend_function": "three"}, "depend three() is 3"},
		{map[string]any{"depend_function": "nothing"}, "depend nothing(): NameError"},
		{map[string]any{"depend_function": "fails"}, "depend fails(): "},
		{map[string]any{"depend_function": "test.Ready"}, "depend test.Ready() is false"},
	} {
		c.metadata[wire.CountOutputs] = true
		id := r.demand("three", c.metadata)
		if c.want == "" {
			r.shows(id, "3")
			continue
		}
		ev, reply := r.reply(id)
		if reply.Ename != wire.UnmetDependency || !strings.HasPrefix(reply.Evalue, c.want) ||
			!strings.Contains(string(ev.Metadata), `"dependencies_met":false`) || !strings.Contains(string(ev.Metadata), `"outputs":0`) {
			t.Errorf("%v: %s: %s, metadata %s\nwant %s", c.metadata, reply.Ename, reply.Evalue, ev.Metadata, c.want)
		}
	}
	// What changes is seen.
	r.reply(r.execute("warm = true; properties[`ready`] = true"))
	r.shows(r.demand("three", map[string]any{"depend_function": "ok"}), "3")
	r.shows(r.demand("three", map[string]any{"depend_function": "test.Ready", "depend": "ready"}), "3")
	// Many expressions are not kept for ever.
	for i := range maxConditions + 3 {
		r.value(r.demand("three", map[string]any{"depend": fmt.Sprintf("id >= -%d", i+1)}))
	}
	if n := len(r.conditions); n > maxConditions {
		t.Errorf("%d expressions are kept", n)
	}
}

// A function that a task depends on can be interrupted as any other code.
func TestDependInterrupted(t *testing.T) {
	r := newEngine(t, Config{})
	r.reply(r.execute("func hang() bool { fmt.Println(1); for {} }\nfunc three() int { return 3 }"))
	id := r.demand("three", map[string]any{"depend_function": "hang"})
	for r.c.next("iopub").Header.MsgType != "stream" {
	}
	r.interrupt()
	r.interrupted(id)
}

// task sends a task.
func (r *engineRun) task(spec map[string]any, push map[string]any, args ...any) wire.MsgID {
	r.c.tb.Helper()
	all := map[string]any{"refs": make([]string, len(args))}
	maps.Copy(all, spec)
	buffers, err := codec.SerializeCall(pickle.Reference{Name: wire.TaskFunction}, append([]any{all}, args...), push)
	if err != nil {
		r.c.tb.Fatal(err)
	}
	return r.request(wire.ApplyRequest, nil, buffers...)
}

// A task is all of its steps in one request.
func TestTask(t *testing.T) {
	r := newEngine(t, Config{})
	r.reply(r.execute("old := 1"))
	type spec = map[string]any
	pull := func(names ...string) []string { return names }
	r.shows(r.task(spec{"code": "y := x * 2", "pull": pull("x", "y", "y + old")}, spec{"x": 3}), "[<nil> 3 6 7]")
	r.shows(r.task(spec{"function": "test.Ratio", "refs": pull("x", ""), "pull": pull("x")}, spec{"x": 5.0}, nil, 2.0), "[2.5 5]")
	r.reply(r.execute("func named(by map[string]any) any { return by[`n`] }"))
	r.shows(r.task(spec{"function": "named", "keywords": pull("n")}, nil, "seven"), "[seven]")
	r.shows(r.task(spec{"clear_before": true, "code": "z := 1"}, spec{"x": pickle.Reference{Name: "old"}}), "[<nil>]")
	r.shows(r.apply(wire.KeysFunction), "[x z]")
	r.shows(r.task(spec{"clear_after": true, "pull": pull("z")}, nil), "[<nil> 1]")
	r.shows(r.apply(wire.KeysFunction), "[]")
	r.failsWith(r.task(spec{"clear_after": true, "code": "panic(`oh`)"}, spec{"x": 1}), "PanicError", "oh")
	r.shows(r.apply(wire.KeysFunction), "[]")
	r.failsWith(r.task(spec{"code": "a := 1", "pull": pull("b")}, nil), NameError, "b")
	r.failsWith(r.task(spec{"function": "test.Ratio", "refs": pull()}, nil, 1), ValueError, "1 arguments and tells of 0")
	r.failsWith(r.task(spec{"function": "test.Ratio", "keywords": pull("a", "b")}, nil, 1), ValueError, "1 arguments, 2 are by keyword")
	r.failsWith(r.task(spec{"function": 5}, nil), ValueError, "task: ")
	r.failsWith(r.apply(wire.TaskFunction), ValueError, "no description")

	// The value of its code is displayed, as a cell's is.
	id := r.task(spec{"code": "fmt.Println(1); 6 * 7"}, nil)
	shown := r.c.find(func(ev event) bool { return ev.Header.MsgType == "execute_result" && ev.Parent.MsgID == id })
	if !strings.Contains(string(shown.Content), `"text/plain":"42"`) {
		t.Errorf("%s", shown.Content)
	}
	r.shows(id, "[<nil>]")
}
