package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"muster/wire"
)

// output gathers the stream texts of a request until its reply has come and
// its output is complete.
func (r *engineRun) output(id wire.MsgID) (stdout, stderr string, messages int) {
	r.c.tb.Helper()
	text := map[string]string{}
	for {
		ev := r.c.next("iopub", "mux")
		if ev.channel != "iopub" || ev.Parent.MsgID != id {
			continue
		}
		switch ev.Header.MsgType {
		case "stream":
			var c struct{ Name, Text string }
			if err := json.Unmarshal(ev.Content, &c); err != nil {
				r.c.tb.Fatal(err)
			}
			if want := "engine.7." + c.Name; ev.topic != want {
				r.c.tb.Errorf("topic %s, want %s", ev.topic, want)
			}
			text[c.Name] += c.Text
			messages++
		case "status":
			if string(ev.Content) == string(statusIdle) {
				return text["stdout"], text["stderr"], messages
			}
		}
	}
}

// Many small writes become few messages.
func TestOutputIsGathered(t *testing.T) {
	r := newEngine(t, Config{})
	out, _, n := r.output(r.execute("for i := 0; i < 1000; i++ { fmt.Println(i) }"))
	if lines := strings.Count(out, "\n"); lines != 1000 || !strings.HasSuffix(out, "999\n") {
		t.Errorf("%d lines", lines)
	}
	if n > 100 {
		t.Errorf("%d messages for 1000 lines", n)
	}
}

// Text leaves while the code runs, not only at its end.
func TestOutputIsPrompt(t *testing.T) {
	r := newEngine(t, Config{})
	id := r.waiting() // has seen the line
	r.interrupt()
	r.interrupted(id)
}

// The order of the two streams is kept, and runes are not cut.
func TestOutputOrder(t *testing.T) {
	var o outputs
	c := newEngine(t, Config{})
	o.limit, o.pub, o.parent, o.timer = 1<<20, c.pub, json.RawMessage("{}"), time.NewTimer(time.Hour)
	for _, w := range []struct{ stream, text string }{{"stdout", "a"}, {"stdout", "b\xe2"}, {"stdout", "\x82\xac"}, {"stderr", "c"}, {"stdout", "d\xf0\x9f"}} {
		o.write(w.stream, []byte(w.text))
		if w.text == "b\xe2" {
			o.tick()
		}
	}
	o.end()
	var got []string
	for len(got) < 4 {
		got = append(got, string(c.c.next("iopub").Content))
	}
	want := fmt.Sprint([]string{
		`{"name":"stdout","text":"ab"}`, `{"name":"stdout","text":"€"}`, `{"name":"stderr","text":"c"}`, `{"name":"stdout","text":"d\ufffd\ufffd"}`,
	})
	if fmt.Sprint(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What a request prints beyond the limit is counted, and its end shown.
func TestOutputLimit(t *testing.T) {
	r := newEngine(t, Config{OutputLimit: 100 << 10})
	out, _, _ := r.output(r.execute("for i := 0; i < 100000; i++ { fmt.Println(i) }"))
	if len(out) > 100<<10+tailSize+200 {
		t.Errorf("%d bytes of output, the limit is %d", len(out), 100<<10)
	}
	if !strings.HasPrefix(out, "0\n1\n2\n") || !strings.HasSuffix(out, "99998\n99999\n") || !strings.Contains(out, "bytes of output are missing here") {
		t.Errorf("output begins %.50q and ends %.50q", out, out[len(out)-50:])
	}
	// The next request has the whole limit again.
	if out, _, _ = r.output(r.execute("fmt.Println(`short`)")); out != "short\n" {
		t.Errorf("then %q", out)
	}
}

// An endless print loop fills nothing, and can be interrupted.
func TestOutputFlood(t *testing.T) {
	r := newEngine(t, Config{OutputLimit: 1 << 20})
	id := r.execute("for { fmt.Println(`flood`) }")
	total := 0
	for total < 1<<20-2*chunk {
		if ev := r.c.next("iopub"); ev.Header.MsgType == "stream" {
			total += len(ev.Content)
		}
	}
	r.interrupt()
	r.interrupted(id)
	out, _, _ := r.output(r.execute("fmt.Println(`dry`)"))
	if out != "dry\n" {
		t.Errorf("afterwards %q", out)
	}
}

// What compiled code prints belongs to its request, all of it before the reply.
func TestCapture(t *testing.T) {
	r := newEngine(t, Config{})
	restore, err := r.capture()
	if err != nil {
		t.Fatal(err)
	}
	defer restore()
	for _, n := range []int{1, 3, 20000} {
		out, errs, _ := r.output(r.apply("test.Print", n))
		if strings.Count(out, "\n") != n || !strings.HasSuffix(out, fmt.Sprintf("line %d\n", n-1)) || errs != "done\n" {
			t.Errorf("%d lines of %d, %q on stderr", strings.Count(out, "\n"), n, errs)
		}
	}
}

// Clients that count outputs are told how many there are.
func TestOutputsCounted(t *testing.T) {
	r := newEngine(t, Config{})
	for code, want := range map[string]string{
		"": `"outputs":0`, "1+1": `"outputs":1`, "fmt.Println(1)\n1": `"outputs":2`, "panic(1)": `"outputs":1`,
	} {
		id := r.c.send("task", []byte(r.uuid), wire.ExecuteRequest, json.RawMessage(onlyCounts), map[string]any{"code": code})
		if ev, _ := r.reply(id); !strings.Contains(string(ev.Metadata), want) {
			t.Errorf("%q: metadata %s, want %s", code, ev.Metadata, want)
		}
	}
}
