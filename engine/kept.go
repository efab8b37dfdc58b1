package engine

import (
	"bytes"
	fifo "container/list"
	"context"
	"maps"
	"slices"
	"sync"

	"muster/wire"
)

// maxKept bounds the replies that are kept, in bytes: a controller whose disk
// is full acknowledges nothing. The last one is kept whatever its size.
const maxKept = 256 << 20

// kept are the requests for work that an engine has: those that wait or run,
// and, where the controller acknowledges replies, those whose reply it may
// still ask for (protocol section 17). A request is among them from the moment
// it comes, without a gap. Any goroutine may use it.
type kept struct {
	limit int

	mu    sync.Mutex
	keeps bool
	// tasks has nil for a request that waits or runs, and otherwise its place
	// in replies.
	tasks   map[wire.MsgID]*fifo.Element
	replies fifo.List // of *keptReply, oldest first
	size    int
	// settled is closed, and made nil, when no reply is kept any more.
	settled chan struct{}
}

// A keptReply is a reply as it was sent. Nothing changes its frames.
type keptReply struct {
	id     wire.MsgID
	line   *line
	frames [][]byte
	size   int
	failed bool
}

func newKept(limit int) *kept {
	return &kept{limit: limit, tasks: make(map[wire.MsgID]*fifo.Element)}
}

// keep says whether replies are kept from now on. If not, those that are kept
// are forgotten.
func (k *kept) keep(keeps bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keeps = keeps; keeps {
		return
	}
	for el := k.replies.Front(); el != nil; el = k.replies.Front() {
		k.drop(el)
	}
}

// begin notes a request that has come. It returns false if the engine has that
// request already, and the reply if that is kept. A request that has failed here
// may be tried once more, by a scheduler that does not want the reply.
func (k *kept) begin(id wire.MsgID) (ok bool, reply *keptReply) {
	k.mu.Lock()
	defer k.mu.Unlock()
	el, known := k.tasks[id]
	if el != nil {
		if reply = el.Value.(*keptReply); !reply.failed {
			return false, reply
		}
		k.drop(el)
	} else if known {
		return false, nil
	}
	k.tasks[id] = nil
	return true, nil
}

// end notes that a request is done with and may come again: it was not run.
func (k *kept) end(id wire.MsgID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.tasks[id] == nil {
		delete(k.tasks, id)
	}
}

// answer notes the reply to a request, and returns a copy that nobody changes
// if it is kept, and else the frames themselves. lost are the replies that had
// to be forgotten to make room for it.
func (k *kept) answer(id wire.MsgID, l *line, failed bool, frames [][]byte) (out [][]byte, keeps bool, lost int) {
	k.mu.Lock()
	keeps = k.keeps
	k.mu.Unlock()
	var r *keptReply
	if keeps {
		r = &keptReply{id: id, line: l, failed: failed, frames: make([][]byte, len(frames))}
		for i, f := range frames {
			r.frames[i] = bytes.Clone(f) // results may be the user's own arrays
			r.size += len(f)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.keeps || !keeps {
		delete(k.tasks, id)
		return frames, false, 0
	}
	k.tasks[id] = k.replies.PushBack(r)
	k.size += r.size
	for ; k.size > k.limit && k.replies.Len() > 1; lost++ {
		k.drop(k.replies.Front())
	}
	return r.frames, true, lost
}

// drop forgets a reply. The caller holds mu.
func (k *kept) drop(el *fifo.Element) {
	r := k.replies.Remove(el).(*keptReply)
	k.size -= r.size
	delete(k.tasks, r.id)
	if k.settled != nil && k.replies.Len() == 0 {
		close(k.settled)
		k.settled = nil
	}
}

// settle waits until no reply is kept, and returns how many still are when the
// context ends before. It is called once.
func (k *kept) settle(ctx context.Context) int {
	k.mu.Lock()
	settled := make(chan struct{})
	if k.replies.Len() == 0 {
		close(settled)
	} else {
		k.settled = settled
	}
	k.mu.Unlock()
	select {
	case <-settled:
		return 0
	case <-ctx.Done():
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.replies.Len()
}

// forget forgets replies, which were acknowledged.
func (k *kept) forget(ids []wire.MsgID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range ids {
		if el := k.tasks[id]; el != nil {
			k.drop(el)
		}
	}
}

// find returns those of the replies that are kept.
func (k *kept) find(ids []wire.MsgID) (found []*keptReply) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range ids {
		if el := k.tasks[id]; el != nil {
			found = append(found, el.Value.(*keptReply))
		}
	}
	return found
}

// ids are all requests that the engine has, in no order, and never nil.
func (k *kept) ids() []wire.MsgID {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.AppendSeq(make([]wire.MsgID, 0, len(k.tasks)), maps.Keys(k.tasks))
}
