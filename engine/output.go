package engine

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// chunk is how much text goes into one stream message at most, roughly.
	chunk = 64 << 10
	// linger is how long text may wait for more of it to come.
	linger = 100 * time.Millisecond
	// tailSize is what is kept of the text beyond the limit.
	tailSize = 16 << 10
)

// An outputs gathers what user code writes into stream messages, under the
// header of the request that runs. Text waits up to 100 ms for more, and leaves
// before any other message of the request does. Beyond the limit of a request
// text is counted, and its last part kept for the end. Any goroutine may write.
type outputs struct {
	limit int

	mu     sync.Mutex
	pub    *publisher // nil until the engine is registered
	parent json.RawMessage
	log    *slog.Logger // takes the text instead, if it is not nil
	logged int          // bytes of it
	stream string       // what buf holds, "stdout" or "stderr"
	buf    []byte
	timer  *time.Timer
	armed  bool
	// sent and dropped count bytes of the request; tail is the end of what was
	// dropped, of tailStream.
	sent, dropped int
	tail          []byte
	tailStream    string
}

func newOutputs(limit int) *outputs {
	o := &outputs{limit: limit}
	o.timer = time.AfterFunc(time.Hour, o.tick)
	o.timer.Stop()
	return o
}

// attach lets text out from now on.
func (o *outputs) attach(p *publisher) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pub = p
}

// writer returns the writer of a stream.
func (o *outputs) writer(stream string) io.Writer { return &streamWriter{o, stream} }

type streamWriter struct {
	o      *outputs
	stream string
}

func (w *streamWriter) Write(p []byte) (int, error) {
	w.o.write(w.stream, p)
	return len(p), nil
}

func (o *outputs) write(stream string, p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.log != nil {
		o.record(stream, p)
		return
	}
	if o.parent == nil { // no request yet: nobody to show it to
		return
	}
	if room := o.limit - o.sent - len(o.buf); len(p) > room {
		o.overflow(stream, p[max(room, 0):])
		p = p[:max(room, 0)]
	}
	if len(p) == 0 {
		return
	}
	if stream != o.stream {
		o.flush(true)
		o.stream = stream
	}
	o.buf = append(o.buf, p...)
	if len(o.buf) >= chunk {
		o.flush(false)
	}
	if len(o.buf) > 0 && !o.armed {
		o.armed = true
		o.timer.Reset(linger)
	}
}

// divert has text logged, up to the limit, and no longer so if log is nil.
func (o *outputs) divert(log *slog.Logger) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flush(true)
	o.log, o.logged = log, 0
}

// record logs text, each line as a message. The caller holds mu.
func (o *outputs) record(stream string, p []byte) {
	room := o.limit - o.logged
	if room <= 0 {
		return
	}
	if o.logged += len(p); len(p) > room {
		p = fmt.Appendf(nil, "%s\n... what follows is not logged: it is more than %d bytes", p[:room], o.limit)
	}
	for line := range strings.Lines(string(p)) {
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			o.log.Info(line, "stream", stream)
		}
	}
}

// overflow counts text beyond the limit and keeps its end. The caller holds mu.
func (o *outputs) overflow(stream string, p []byte) {
	o.dropped += len(p)
	if stream != o.tailStream {
		o.tail, o.tailStream = o.tail[:0], stream
	}
	if len(p) >= tailSize {
		o.tail = append(o.tail[:0], p[len(p)-tailSize:]...)
		return
	}
	o.tail = append(o.tail, p...)
	if len(o.tail) > 2*tailSize {
		o.tail = o.tail[:copy(o.tail, o.tail[len(o.tail)-tailSize:])]
	}
}

func (o *outputs) tick() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.armed = false
	o.flush(false)
}

// flush publishes what was gathered; a rune that is cut in two waits for its
// rest unless this is the last of the stream. The caller holds mu.
func (o *outputs) flush(last bool) {
	n := len(o.buf)
	if !last {
		n -= cutRune(o.buf)
	}
	if n == 0 {
		return
	}
	o.sent += n
	o.emit(o.stream, o.buf[:n])
	o.buf = o.buf[:copy(o.buf, o.buf[n:])]
	if cap(o.buf) > 4*chunk { // one huge write should not be kept for ever
		o.buf = append([]byte(nil), o.buf...)
	}
}

// cutRune is the length of an incomplete rune at the end of b.
func cutRune(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if c := b[len(b)-n]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// emit publishes text. The caller holds mu.
func (o *outputs) emit(stream string, text []byte) {
	if o.pub == nil {
		return
	}
	// A failed send means a closed socket: the engine ends.
	_ = o.pub.output(stream, "stream", o.parent, struct {
		Name string `json:"name"`
		Text string `json:"text"`
	}{stream, string(text)})
}

// sync publishes what was gathered so far, before another message of the request.
func (o *outputs) sync() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flush(true)
}

// begin starts the output of a request. What goroutines of the last one wrote
// meanwhile goes out under its header.
func (o *outputs) begin(parent json.RawMessage) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.finish()
	o.parent, o.sent = parent, 0
	o.pub.outputs.Store(0)
}

// end publishes all output of the request, and what is left of the part that
// was dropped.
func (o *outputs) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.finish()
}

// finish is end. The caller holds mu.
func (o *outputs) finish() {
	o.flush(true)
	if o.dropped == 0 {
		return
	}
	tail := o.tail[max(0, len(o.tail)-tailSize):]
	for len(tail) > 0 && !utf8.RuneStart(tail[0]) {
		tail = tail[1:]
	}
	o.emit(o.tailStream, fmt.Appendf(nil,
		"\n... %d bytes of output are missing here: a request shows the first %d, and the last %d ...\n%s",
		o.dropped-len(tail), o.limit, len(tail), tail))
	o.dropped, o.tail = 0, o.tail[:0]
}
