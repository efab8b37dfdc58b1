package client

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"slices"
)

// Args, as an item of MapSeq, are the arguments of one call: so a function of
// several is mapped.
type Args []any

// MapSeq is a map over a sequence that need not end, or fit in memory: it pulls
// items while values are taken from it, and sends each as a task of its own, or
// chunks of them with the setting Chunk. It yields one pair for each item, in the
// order of the items, or as they come with the setting Unordered: the value, or
// why there is none, a *MapError that says which item it was, counted from 0.
// After an error it goes on, unless the consumer breaks out.
//
// At most Outstanding chunks are under way: sent, and their values not yet all
// taken. That is also all that is kept in memory, and why in order a chunk that
// takes long holds up those far behind it. A LoadBalancedView leaves the choice of
// the engine to the scheduler. A DirectView sends a chunk to that engine of its
// targets which has the fewest of this map's; engines that die fail their chunks
// and get no more, and when none is left the map ends with an error.
//
// Everything happens in the goroutine of the consumer: items is called between
// the rounds of the loop, and while it blocks no value is yielded. When the
// context ends, the last pair is its cause. However the loop is left, nothing
// more is pulled, and the engines are asked to skip what they have not begun.
func MapSeq[Out, In any](ctx context.Context, view Mapper, fn Function, items iter.Seq[In]) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		s := newFlow(view.feeder(), fn)
		defer s.abort()
		// take yields what has come, and waits for more while more than limit
		// chunks are under way. It tells whether to go on.
		take := func(limit int) bool {
			for {
				c, err := s.next(ctx, len(s.sent) > limit)
				switch {
				case err != nil:
					yield(*new(Out), err)
					return false
				case c == nil:
					return true
				}
				values := make([]Out, c.items.len())
				faults := c.unpack(reflect.ValueOf(values))
				for k, v := range values {
					if !yield(v, itemError(s.what, c.items.low+k, faults[k])) {
						return false
					}
				}
			}
		}
		if !take(0) {
			return // the context has ended
		}
		var failed error
		chunk := make([]In, 0, s.size)
		send := func() error {
			args, err := arguments(chunk, s.size == 1)
			return s.send(len(chunk), args, err)
		}
		for item := range items {
			chunk = append(chunk, item)
			if ctx.Err() == nil {
				if len(chunk) < s.size {
					continue
				}
				if failed = send(); failed != nil {
					break
				}
				clear(chunk)
				chunk = chunk[:0]
			}
			if !take(s.window() - 1) {
				return
			}
		}
		if failed == nil && len(chunk) > 0 {
			failed = send()
		}
		if take(0) && failed != nil {
			yield(*new(Out), failed)
		}
	}
}

// arguments are those of the call for one item, or of the map of a chunk: the
// sequence of the first arguments, of the second, and so on.
func arguments[In any](items []In, bare bool) ([]any, error) {
	calls, several := any(items).([]Args)
	switch {
	case several && bare:
		return calls[0], nil
	case bare:
		return []any{items[0]}, nil
	case !several:
		return []any{items}, nil
	}
	seqs := make([]any, len(calls[0]))
	for k := range seqs {
		column := make([]any, len(calls))
		for i, args := range calls {
			if len(args) != len(seqs) {
				return nil, fmt.Errorf("a chunk has calls of %d and of %d arguments", len(seqs), len(args))
			}
			column[i] = args[k]
		}
		seqs[k] = column
	}
	return seqs, nil
}

// A flow is the map of a MapSeq under way. It belongs to the goroutine that
// takes its values, but for what came.
type flow struct {
	feeder
	what    string
	fn      Function
	sig     *signature
	size    int // of a chunk
	pulled  int // items
	sent    []*sentChunk
	loads   map[*engine]int // chunks that an engine has; under nil, the scheduler
	wake    chan struct{}   // has an element when something came
	arrived []*sentChunk    // guarded by Client.mu
}

// A sentChunk is under way until its values are yielded.
type sentChunk struct {
	items  itemRange
	ar     *AsyncResult
	engine *engine
	came   bool
	err    error // why it was not sent
}

// unpack stores the values of a chunk that has come, and returns why some are
// missing, by their place.
func (c *sentChunk) unpack(values reflect.Value) map[int]error {
	all := itemRange{0, c.items.len(), 1}
	missing := []MissingItems{{0, all.high, 1, c.err}}
	if c.err == nil {
		missing = c.ar.store(0, values, all)
	}
	if len(missing) == 0 {
		return nil
	}
	faults := make(map[int]error)
	noteFaults(faults, missing)
	return faults
}

func newFlow(f feeder, fn Function) *flow {
	return &flow{
		feeder: f, what: "map " + fn.Name(), fn: fn, sig: signatureOf(fn), size: max(f.settings.chunk, 1),
		loads: make(map[*engine]int), wake: make(chan struct{}, 1),
	}
}

// chunksPerEngine is how many chunks are under way for each engine unless
// Outstanding says otherwise: one that runs, one that waits, so that the engine
// need not, and as many whose values wait to be taken.
const chunksPerEngine = 4

// window is how many chunks may be under way.
func (s *flow) window() int {
	if s.settings.outstanding > 0 {
		return s.settings.outstanding
	}
	engines, _ := s.engines() // send tells what is wrong
	return chunksPerEngine * max(1, len(engines))
}

// send sends a chunk of n items, unless err says that it has no arguments. The
// error it returns is why nothing more can be sent; what is wrong with the chunk
// alone is noted there.
func (s *flow) send(n int, args []any, err error) error {
	c := &sentChunk{items: itemRange{s.pulled, s.pulled + n, 1}}
	var r *request
	if err == nil && s.size == 1 {
		if err = s.sig.takes(args); err == nil {
			r, err = applyRequest(s.fn.Name(), args...)
		}
	} else if err == nil {
		if err = s.sig.takesItems(args); err == nil {
			r, err = mapRequest(s.fn, args)
		}
	}
	if err == nil {
		to, gone := s.pick()
		if gone != nil {
			return callError(s.what, gone)
		}
		ar := newMapResult(s.what, &mapping{ranges: []itemRange{c.items}, bare: s.size == 1})
		if ar = s.start(ar, to, r); ar.client != nil {
			c.ar, c.engine = ar, to
			s.watch(c)
		} else {
			err = ar.err
		}
	}
	if err != nil {
		c.came, c.err = true, err
	}
	s.pulled += n
	s.sent = append(s.sent, c)
	return nil
}

// pick returns the engine for the next chunk, nil when the scheduler chooses.
func (s *flow) pick() (*engine, error) {
	engines, err := s.engines()
	if err != nil || !s.direct {
		return nil, err
	}
	return slices.MinFunc(engines, func(a, b *engine) int { return s.loads[a] - s.loads[b] }), nil
}

// watch has a chunk noted when it comes.
func (s *flow) watch(c *sentChunk) {
	s.loads[c.engine]++
	c.ar.whenDone(func() {
		s.arrived = append(s.arrived, c)
		select {
		case s.wake <- struct{}{}:
		default:
		}
	})
}

// abort asks the engines to skip what is under way, and waits for nobody.
func (s *flow) abort() {
	var left []*AsyncResult
	for _, c := range s.sent {
		if c.ar != nil && !c.ar.Ready() {
			left = append(left, c.ar)
		}
	}
	if len(left) == 0 {
		return
	}
	if engines, requests := s.client.abortRequests(left, false); len(engines) > 0 {
		s.client.start(&AsyncResult{what: "abort", kind: toController, decode: nothing}, s.client.control, engines, requests...)
	}
}

// next returns the chunk whose values are to be yielded next, if it has come. If
// not, it waits for it or returns nil.
func (s *flow) next(ctx context.Context, wait bool) (*sentChunk, error) {
	for {
		if ctx.Err() != nil {
			return nil, callError(s.what, fmt.Errorf("%d items sent: %w", s.pulled, context.Cause(ctx)))
		}
		s.client.mu.Lock()
		arrived := s.arrived
		s.arrived = nil
		s.client.mu.Unlock()
		for _, c := range arrived {
			c.came = true
			s.loads[c.engine]--
		}
		at := 0
		if s.settings.unordered {
			at = slices.IndexFunc(s.sent, func(c *sentChunk) bool { return c.came })
		}
		if at >= 0 && at < len(s.sent) && s.sent[at].came {
			c := s.sent[at]
			s.sent = slices.Delete(s.sent, at, at+1)
			return c, nil
		}
		if !wait {
			return nil, nil
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
		}
	}
}
