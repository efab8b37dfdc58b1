package client

import "encoding/json"

// A Setting changes how a view calls; With makes a view that has it:
//
//	quiet := v.With(client.Silent())
//
// A call that is to differ from its view's defaults is made on such a view.
type Setting func(*settings)

// settings are those of a view. The zero value is what views begin with.
type settings struct {
	silent      bool
	noHistory   bool
	cyclic      bool
	flatten     bool
	allowEmpty  bool
	chunk       int // 0: as it is without
	outstanding int // 0: as it is without
	unordered   bool
	route       route
	noCopy      bool
	label       string
}

// with returns the settings after some more.
func (s settings) with(more []Setting) settings {
	for _, set := range more {
		set(&s)
	}
	return s
}

// stored tells whether engines are to keep code in their histories.
func (s *settings) stored() bool { return !s.silent && !s.noHistory }

// Silent makes Execute publish neither the code nor the value of its last
// expression, and count it in no history.
func Silent() Setting { return func(s *settings) { s.silent = true } }

// NoCopy makes calls send the arrays among their arguments from where they lie.
// They must not be changed until the AsyncResult's Sent is closed: use it with
// the methods that end in Async. It is for arrays so large that the memory for a
// copy of them counts.
func NoCopy() Setting { return func(s *settings) { s.noCopy = true } }

// notice is what to close when a call's arguments are free, nil if they are at
// its return.
func (s *settings) notice() chan struct{} {
	if !s.noCopy {
		return nil
	}
	return make(chan struct{})
}

// Coalescing makes the controller answer a call of a BroadcastView by one
// message when all engines have answered it. Other views take no notice of it.
func Coalescing() Setting {
	return func(s *settings) {
		if s.route != quickest {
			s.route = coalesce
		}
	}
}

// NoHistory makes Execute leave the engine's history as it is.
func NoHistory() Setting { return func(s *settings) { s.noHistory = true } }

// Cyclic makes Scatter and Map deal the items like cards, the first to the first
// engine, the second to the second and so on, and Gather collect them so.
func Cyclic() Setting { return func(s *settings) { s.cyclic = true } }

// Flatten makes Scatter send a block of exactly one item as the item itself, as
// ipyparallel's flatten does, and Gather take such items back.
func Flatten() Setting { return func(s *settings) { s.flatten = true } }

// AllowEmpty makes Scatter give the last engines an empty block when there are
// fewer items than engines.
func AllowEmpty() Setting { return func(s *settings) { s.allowEmpty = true } }

// Chunk makes maps travel in chunks of n items, one message and one task for
// each chunk. Without it a Map of a DirectView makes one block of items for
// each engine, and a task of a LoadBalancedView, or of MapSeq, is one item. Many
// small items travel best in chunks of some hundred or thousand; the more chunks
// there are for each engine, the more evenly the engines finish. Chunk panics
// unless n is positive.
func Chunk(n int) Setting {
	if n < 1 {
		panic("client: Chunk of less than one item")
	}
	return func(s *settings) { s.chunk = n }
}

// Outstanding makes MapSeq have at most n chunks under way. Without it they are
// four for each engine. Outstanding panics unless n is positive.
func Outstanding(n int) Setting {
	if n < 1 {
		panic("client: Outstanding of less than one chunk")
	}
	return func(s *settings) { s.outstanding = n }
}

// Unordered makes MapSeq yield values as they come, and not in the order of the
// items.
func Unordered() Setting { return func(s *settings) { s.unordered = true } }

// Label gives the calls of a view a label. It is in their results and in the
// hub's records, where DBQuery finds it:
//
//	v = v.With(client.Label("heat"))
//	// ...
//	records, err := c.DBQuery(ctx, map[string]any{"label": "heat"})
func Label(label string) Setting { return func(s *settings) { s.label = label } }

// labelled are requests with the view's label, if it has one.
func (s *settings) labelled(requests []*request) []*request {
	if s.label == "" {
		return requests
	}
	label, _ := json.Marshal(s.label) // a string cannot fail
	out := make([]*request, len(requests))
	for i, r := range requests {
		copy := *r
		b := []byte(`{"label":`)
		b = append(b, label...)
		if len(r.metadata) > len(`{}`) {
			b = append(b, ',')
			b = append(b, r.metadata[1:]...)
		} else {
			b = append(b, '}')
		}
		copy.metadata = b
		out[i] = &copy
	}
	return out
}
