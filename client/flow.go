package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

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
	dead    map[*engine]bool
	wake    chan struct{} // has an element when something came
	arrived []*sentChunk  // guarded by Client.mu
}

// A sentChunk is under way until its values are yielded.
type sentChunk struct {
	items  itemRange
	ar     *AsyncResult
	engine *engine
	came   bool
	err    error // why it was not sent

	// request is that of a chunk that may be sent to another engine, so many
	// times more; nil of others.
	request *request
	tries   int
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
		feeder: f, what: "map " + title(fn), fn: fn, sig: signatureOf(fn), size: max(f.settings.chunk, 1),
		loads: make(map[*engine]int), dead: make(map[*engine]bool), wake: make(chan struct{}, 1),
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
		if s.direct && s.settings.retries > 0 {
			c.request, c.tries = r.kept(s.settings.noCopy), s.settings.retries
		}
		err = s.place(c, to, r)
	}
	if err != nil {
		c.came, c.err = true, err
	}
	s.pulled += n
	s.sent = append(s.sent, c)
	return nil
}

// place sends a chunk to an engine.
func (s *flow) place(c *sentChunk, to *engine, r *request) error {
	ar := newMapResult(s.what, &mapping{ranges: []itemRange{c.items}, bare: s.size == 1})
	if ar = s.start(ar, to, r); ar.client == nil {
		return ar.err
	}
	c.ar, c.engine = ar, to
	s.watch(c)
	return nil
}

// retry sends a chunk whose engine died, or did not take it, to another, if it may and there is one.
func (s *flow) retry(c *sentChunk) bool {
	if c.tries == 0 {
		return false
	}
	to, err := s.pick()
	if err != nil {
		return false // what the chunk has failed with tells more
	}
	c.tries--
	return s.place(c, to, c.request) == nil
}

// kept is a request that may be sent once more when the arguments of the call may
// have been changed.
func (r *request) kept(noCopy bool) *request {
	if noCopy {
		return r
	}
	own := *r
	own.buffers = make([][]byte, len(r.buffers))
	for i, b := range r.buffers {
		own.buffers[i] = bytes.Clone(b)
	}
	return &own
}

// pick returns the engine for the next chunk, nil when the scheduler chooses.
// Those that died are left out even while they count as registered: as they
// fail everything at once, they would seem to have the least to do.
func (s *flow) pick() (to *engine, err error) {
	engines, err := s.engines()
	if err != nil || !s.direct {
		return nil, err
	}
	for _, e := range engines {
		if !s.dead[e] && (to == nil || s.loads[e] < s.loads[to]) {
			to = e
		}
	}
	if to == nil {
		return nil, fmt.Errorf("%s: %w", engineList(idsOf(engines)), ErrEngineDied)
	}
	return to, nil
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

// left are the calls that are under way.
func (s *flow) left() (calls []*AsyncResult) {
	for _, c := range s.sent {
		if c.ar != nil && !c.ar.Ready() {
			calls = append(calls, c.ar)
		}
	}
	return calls
}

// abort takes back what is under way, and waits for nobody. Of tasks, which no
// engine was chosen for by the caller, that is also what runs.
func (s *flow) abort() {
	if left := s.left(); len(left) > 0 {
		s.client.askAbort(left, !s.direct)
	}
}

// ended is the error of a map whose context has ended. Its tasks are cancelled
// then, if it is a LoadBalancedView's.
func (s *flow) ended(ctx context.Context) error {
	err := fmt.Errorf("%d items sent: %w", s.pulled, context.Cause(ctx))
	if left := s.left(); !s.direct && len(left) > 0 {
		err = fmt.Errorf("%w; cancelled: %v", err, cancelAll(ctx, left))
	}
	return callError(s.what, err)
}

// next returns the chunk whose values are to be yielded next, if it has come. If
// not, it waits for it or returns nil.
func (s *flow) next(ctx context.Context, wait bool) (*sentChunk, error) {
	for {
		if ctx.Err() != nil {
			return nil, s.ended(ctx)
		}
		s.client.mu.Lock()
		arrived := s.arrived
		s.arrived = nil
		s.client.mu.Unlock()
		for _, c := range arrived {
			s.loads[c.engine]--
			if err := c.ar.tasks[0].failure(); s.direct && (errors.Is(err, ErrEngineDied) || errors.Is(err, ErrDraining)) {
				s.dead[c.engine] = true
				if s.retry(c) {
					continue
				}
			}
			c.came = true
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
