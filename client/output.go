package client

import (
	"context"
	"iter"
	"slices"
	"time"

	"muster/wire"
)

// MaxOutput is how many bytes of each of stdout and stderr are kept of one
// request on one engine, and as many of what it displays. Of a stream that
// exceeds it the beginning and the end are kept, with a line between them that
// says how much was left out; of displays, the first.
const MaxOutput = 4 << 20

// An Output is something that a call printed or displayed on one engine.
type Output struct {
	Engine EngineID
	Index  int // its place among the targets, or among the tasks, of the call
	Kind   OutputKind
	// Text is what was printed, or the text form of what was displayed.
	Text string
	// Data is what was displayed, by MIME type; nil of what was printed.
	Data map[string]any
	// ExecutionCount is the number of the cell in the engine's history, of an
	// ExecuteResult.
	ExecutionCount int
}

// An OutputKind names a kind of output as messages on the wire do.
type OutputKind string

const (
	Stdout        OutputKind = "stdout"
	Stderr        OutputKind = "stderr"
	DisplayData   OutputKind = "display_data"
	ExecuteResult OutputKind = "execute_result" // the value of a last expression
)

// kinds in the order in which output is shown whose own order is forgotten.
var kinds = [...]OutputKind{Stdout, Stderr, DisplayData, ExecuteResult}

// output is what an engine published for a task.
type output struct {
	engine         EngineID        // who spoke last; NoEngine while unknown
	uuid           wire.EngineUUID // likewise
	busy           time.Time       // when it said that it has taken up the task, if it does
	stdout, stderr text
	displays       []Display
	displayed      int            // bytes of displays
	omitted        int            // displays that were too many
	bundle         map[string]any // of the last expression, by MIME type
	count          int
	lost           bool

	// order is in what order the output came, as runs of one kind. Of very
	// many runs the first are forgotten, and counted here.
	order     []run
	forgotten int

	place int     // of its task in the call
	next  *output // of the task of the same call that spoke next
}

// A run is output of one kind: what came up to end, in bytes or displays.
type run struct {
	kind OutputKind
	end  int
}

// maxRuns bounds the memory for the order of the output of one task.
const maxRuns = 1 << 12

// note adds to the order what came of a kind.
func (o *output) note(kind OutputKind) {
	n := len(o.order)
	if n > 0 && o.order[n-1].kind == kind {
		o.order[n-1].end = o.total(kind)
		return
	}
	if n == maxRuns {
		o.order = slices.Delete(o.order, 0, maxRuns/2)
		o.forgotten += maxRuns / 2
	}
	o.order = append(o.order, run{kind, o.total(kind)})
}

// total is how much of a kind has come.
func (o *output) total(kind OutputKind) int {
	switch {
	case kind == Stdout:
		return o.stdout.len()
	case kind == Stderr:
		return o.stderr.len()
	case kind == DisplayData:
		return len(o.displays)
	case o.bundle != nil:
		return 1
	}
	return 0
}

// A place in the output of a task: how much of each kind was read, and of the
// order.
type reader struct {
	*output
	read map[OutputKind]int
	runs int
}

// next reads on, as far as the output is of one kind. The caller holds
// Client.mu.
func (r *reader) next() (Output, bool) {
	for r.runs = max(r.runs, r.forgotten); r.runs < r.forgotten+len(r.order); r.runs++ {
		run := r.order[r.runs-r.forgotten]
		if o, ok := r.take(run.kind, run.end); ok {
			return o, true
		}
		if r.runs == r.forgotten+len(r.order)-1 {
			break // it may grow
		}
	}
	for _, kind := range kinds { // what is in no run any more
		if o, ok := r.take(kind, r.total(kind)); ok {
			return o, true
		}
	}
	return Output{}, false
}

// take reads output of a kind up to an end.
func (r *reader) take(kind OutputKind, end int) (Output, bool) {
	at := r.read[kind]
	if at >= end {
		return Output{}, false
	}
	o := Output{Engine: r.engine, Index: r.place, Kind: kind}
	switch kind {
	case Stdout:
		o.Text, r.read[kind] = r.stdout.slice(at, end)
	case Stderr:
		o.Text, r.read[kind] = r.stderr.slice(at, end)
	case DisplayData:
		o.Data = r.displays[at].Data
		r.read[kind] = at + 1
	case ExecuteResult:
		o.Data, o.ExecutionCount = r.bundle, r.count
		r.read[kind] = end
	}
	if o.Data != nil {
		o.Text = plain(o.Data)
	}
	return o, true
}

// plain is the text form in a MIME bundle, or "".
func plain(bundle map[string]any) string {
	s, _ := bundle["text/plain"].(string)
	return s
}

// Outputs yields what the call prints and displays, as it comes, and ends with
// the call or with the context. What came before is yielded first, also when
// the call is done. A reader that is slow holds up nobody: of what it has not
// read, as much is kept as of all output (see MaxOutput).
func (ar *AsyncResult) Outputs(ctx context.Context) iter.Seq[Output] {
	return func(yield func(Output) bool) {
		if ar.client == nil {
			return
		}
		var readers []*reader // of tasks whose output is not all read
		var last *output
		for ctx.Err() == nil {
			ar.client.mu.Lock()
			over, changed := ar.left == 0, ar.watch()
			for o := ar.voiceAfter(last); o != nil; o = o.next {
				readers = append(readers, &reader{output: o, read: make(map[OutputKind]int)})
				last = o
			}
			var found []Output
			readers = slices.DeleteFunc(readers, func(r *reader) bool {
				o, ok := r.next()
				if ok {
					found = append(found, o)
				}
				return !ok && ar.tasks[r.place].ended
			})
			ar.client.mu.Unlock()
			for _, o := range found {
				if ctx.Err() != nil || !yield(o) {
					return
				}
			}
			if len(found) > 0 {
				continue
			}
			if over {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	}
}

// voiceAfter is the output that began next after another, or first. The caller
// holds Client.mu.
func (ar *AsyncResult) voiceAfter(o *output) *output {
	if o == nil {
		return ar.spoke
	}
	return o.next
}

// out is the task's output, made on first use. The caller holds Client.mu.
func (t *task) out() *output {
	if t.output == nil {
		t.output = &output{engine: t.engine, uuid: t.uuid, place: t.place}
		if ar := t.result; ar.lastVoice == nil {
			ar.spoke = t.output
		} else {
			ar.lastVoice.next = t.output
		}
		t.result.lastVoice = t.output
	}
	return t.output
}

// out is the output of a task to which a message belongs, with the engine that
// sent it. The caller holds mu.
func (c *Client) out(t *task, m *wire.Message) *output {
	o := t.out()
	uuid := wire.EngineUUID(m.Header.Session)
	if id, known := c.ids[uuid]; known {
		o.engine, o.uuid = id, uuid
	}
	return o
}

// print takes in text of a stream.
func (o *output) print(stream, s string) {
	if stream == string(Stderr) {
		o.stderr.write(s)
		o.note(Stderr)
	} else {
		o.stdout.write(s)
		o.note(Stdout)
	}
}

// value takes in the value of a last expression.
func (o *output) value(bundle map[string]any, count int) {
	o.bundle, o.count = bundle, count
	o.note(ExecuteResult)
}

// show takes in a display, unless it is too much.
func (o *output) show(d Display, size int) {
	if o.displayed += size; o.displayed > MaxOutput {
		o.omitted++
		return
	}
	o.displays = append(o.displays, d)
	o.note(DisplayData)
}
