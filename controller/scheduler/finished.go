package scheduler

import (
	"math"
	"strconv"
	"strings"

	"muster/wire"
)

// finished remembers what became of tasks, for those that depend on them.
//
// Message ids are a session's prefix and a number that counts up (protocol
// section 3), so outcomes are kept in pages of successive numbers, four bytes a
// task. There are at most maxPages of them, within 2 MB; when there are more,
// the oldest is forgotten. That is between 2,048 tasks, if each has a page of
// its own, and a quarter of a million, if numbers follow one another.
type finished struct {
	pages   map[pageKey]*page
	order   []pageKey // ring, oldest at next once it is full
	next    int
	last    string            // the prefix of the latest page
	engines []wire.EngineUUID // by number
	number  map[wire.EngineUUID]uint32
}

const (
	pageSize = 128
	maxPages = 1 << 11
)

type pageKey struct {
	prefix string
	number uint64 // of the page
}

// page holds, for each task, 0 if it is not known, else 1 plus twice the
// engine's number, or that of no engine, plus 1 if it succeeded.
type page [pageSize]uint32

// split takes an id apart. One that does not end in a number is all prefix.
func split(id wire.MsgID) (key pageKey, slot int) {
	prefix := strings.TrimRight(string(id), "0123456789")
	digits := string(id)[len(prefix):]
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || digits[0] == '0' && len(digits) > 1 {
		return pageKey{string(id), math.MaxUint64}, 0
	}
	return pageKey{prefix, n / pageSize}, int(n % pageSize)
}

// record remembers a task. The engine is "" if it ran on none.
func (f *finished) record(id wire.MsgID, engine wire.EngineUUID, ok bool) {
	if f.pages == nil {
		f.pages = make(map[pageKey]*page)
		f.engines = []wire.EngineUUID{""}
		f.number = map[wire.EngineUUID]uint32{"": 0}
	}
	number, known := f.number[engine]
	if !known {
		number = uint32(len(f.engines))
		f.engines = append(f.engines, engine)
		f.number[engine] = number
	}
	key, slot := split(id)
	p := f.pages[key]
	if p == nil {
		p = f.page(key)
	}
	p[slot] = 1 + 2*number
	if ok {
		p[slot]++
	}
}

// page adds one, and forgets the oldest if there are too many.
func (f *finished) page(key pageKey) *page {
	if key.prefix == f.last {
		key.prefix = f.last // most pages are of one client
	} else {
		key.prefix = strings.Clone(key.prefix) // the id need not be kept for it
		f.last = key.prefix
	}
	if len(f.order) < maxPages {
		f.order = append(f.order, key)
	} else {
		delete(f.pages, f.order[f.next])
		f.order[f.next] = key
		f.next = (f.next + 1) % maxPages
	}
	p := new(page)
	f.pages[key] = p
	return p
}

// outcome tells whether a task is known to have finished, and how.
func (f *finished) outcome(id wire.MsgID) (engine wire.EngineUUID, ok, known bool) {
	key, slot := split(id)
	p := f.pages[key]
	if p == nil || p[slot] == 0 {
		return "", false, false
	}
	v := p[slot] - 1
	return f.engines[v/2], v%2 == 1, true
}
