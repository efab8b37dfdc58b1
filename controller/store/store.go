package store

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"muster/controller/hub"
)

// Config of a Store.
type Config struct {
	// Path is the database file, which is made if it is not there.
	Path string
	// Limit bounds the bytes that wait to be written, and those of an answer:
	// default 256 MiB. What does not fit is not kept, and said to be lost.
	Limit int
	// Committed, if it is set, is told after each commit what is durable by
	// it. It is called by the goroutine that writes, and must not block.
	Committed func(hub.Committed)
	// Log receives what happens to the database; nil is silence.
	Log *slog.Logger

	// patience is how long another program may lock the database before an
	// attempt at it has failed: 2 s, but in tests.
	patience time.Duration
}

const (
	// gather is how long changes collect before they are written: a short task
	// is then one row written once, and a commit is shared by many.
	gather = 50 * time.Millisecond
	// again is how long after a failed write the next one is tried.
	again = time.Second
	// backlog is how many bytes of changes may wait before requests do.
	backlog = 16 << 20
	// stuck is how long after its last success a write is taken for one that
	// does not end, for which nothing waits.
	stuck = 5 * time.Second
)

// A Store keeps records in a database. Its methods wait for nothing but a short
// lock, Admit and Close excepted.
type Store struct {
	cfg     Config
	db      *sql.DB
	table   string
	w       *writer // of the goroutine that writes
	journal *journal
	ended   chan struct{}
	reads   sync.WaitGroup
	now     chan struct{} // of length 1: somebody waits
	soon    chan struct{} // of length 1: changes have come

	mu      sync.Mutex // guards what follows
	waiting []request
	reached uint64        // the line of the journal up to which changes have come
	bytes   int           // in changes that are not written
	room    chan struct{} // closed and replaced when bytes or fault change
	written time.Time     // the last success, or when there was nothing to write
	lost    int           // changes that are not kept
	fault   string        // of the last attempt to write, "" if it succeeded
	closed  bool
}

// A request is a change to be kept, an engine, or a question.
type request struct {
	change hub.Change
	size   int // of the change
	engine *hub.Engine
	query  *hub.Query
	answer func(hub.Found)
}

// Keep takes a change of a record.
func (s *Store) Keep(c hub.Change) {
	size := sizeOf(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if s.bytes == 0 {
		s.written = time.Now()
	}
	if s.bytes+size > s.cfg.Limit {
		if s.lost++; s.lost == 1 {
			s.cfg.Log.Error("records are lost: the database does not take them", "file", s.cfg.Path, "waiting", s.bytes, "err", s.fault)
		}
		return
	}
	s.bytes += size
	s.waiting = append(s.waiting, request{change: c, size: size})
	signal(s.soon)
}

// Enlist takes an engine that has come or gone. It is kept on return: before
// anything is sent to it.
func (s *Store) Enlist(e hub.Engine) {
	s.journal.enlist(e)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.waiting = append(s.waiting, request{engine: &e})
	signal(s.soon)
}

// Sent notes, before it is, that a request is sent to an engine, or that it is
// on none any more. It is kept on return, so that of a
// controller that was killed no request may be at an engine unknown. Whoever
// tells the hub as much does so before.
func (s *Store) Sent(r hub.Sent) { s.journal.sent(r) }

// Ended notes, before its client is told, what became of a task of the queue: others
// may depend on it, whose clients need not send it again.
func (s *Store) Ended(o hub.Outcome) { s.journal.ended(o) }

// Noted is how much Sent, Ended and Enlist have noted so far.
func (s *Store) Noted() uint64 { return s.journal.position() }

// Reached says that what was noted up to then has been given to Keep and Enlist
// as well.
func (s *Store) Reached(noted uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reached = noted
}

// sizeOf is what a change takes, about.
func sizeOf(c hub.Change) int {
	const fixed = 512
	if o, ok := c.(hub.Output); ok {
		return fixed + len(o.Message.Content)
	}
	var r hub.Record
	r.Apply(c)
	return fixed + r.Size()
}

// Admit waits while there is more to write than a moment's worth, so that
// requests do not come faster than they can be recorded. It does not wait for a
// database that cannot be written: then records are lost, and not the cluster.
func (s *Store) Admit() {
	for {
		s.mu.Lock()
		bytes, fault, closed, room := s.bytes, s.fault, s.closed, s.room
		left := stuck - time.Since(s.written)
		s.mu.Unlock()
		if bytes < backlog || fault != "" || closed || left <= 0 {
			return
		}
		select {
		case <-room:
		case <-time.After(left):
		}
	}
}

// announce wakes who waits for room. The caller holds mu.
func (s *Store) announce() {
	close(s.room)
	s.room = make(chan struct{})
}

// Find has answer called, by a goroutine of the store, with what a query finds
// among all that was kept before.
func (s *Store) Find(q *hub.Query, answer func(hub.Found)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return // nobody is left to hear it
	}
	s.waiting = append(s.waiting, request{query: q, answer: answer})
	signal(s.now)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Close writes what waits, answers what was asked, and closes the database.
func (s *Store) Close() error {
	s.mu.Lock()
	already := s.closed
	s.closed = true
	s.announce()
	s.mu.Unlock()
	signal(s.now)
	<-s.ended
	if already {
		return nil
	}
	s.reads.Wait()
	err := s.w.close()
	if n := len(s.w.batch.order); n > 0 {
		err = fmt.Errorf("store: %s: the records of %d tasks could not be written: %s", s.cfg.Path, n, s.fault)
	}
	if closing := errors.Join(s.journal.close(), s.db.Close()); err == nil && closing != nil {
		err = fmt.Errorf("store: close %s: %w", s.cfg.Path, closing)
	}
	return err
}

// run writes what comes, until the store is closed.
func (s *Store) run() {
	defer close(s.ended)
	timer := time.NewTimer(gather)
	for {
		select {
		case <-s.now:
		case <-s.soon:
			timer.Reset(s.pause())
			select {
			case <-s.now:
			case <-timer.C:
			}
		}
		s.mu.Lock()
		requests, closed, reached := s.waiting, s.closed, s.reached
		s.waiting = nil
		s.mu.Unlock()
		for _, r := range requests {
			switch {
			case r.engine != nil:
				s.w.batch.engines = append(s.w.batch.engines, *r.engine)
			case r.query == nil:
				s.w.batch.add(r.change, r.size)
			default:
				s.write()
				s.find(r)
			}
		}
		if s.write(); s.w.batch.empty() {
			s.journal.settled(reached)
		}
		if closed {
			return
		}
	}
}

// pause is how long changes may collect.
func (s *Store) pause() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != "" {
		return again
	}
	return gather
}

// write commits the batch. When that fails it stays, and is tried again with
// what comes after it. Rows that the database cannot take are lost.
func (s *Store) write() {
	if s.w.batch.empty() {
		return
	}
	refused, err := s.w.write()
	if err == nil && s.cfg.Committed != nil {
		s.cfg.Committed(s.w.batch.committed(refused))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range refused {
		s.lost++
		s.cfg.Log.Error("a record is lost: the database cannot take it", "file", s.cfg.Path, "task", r.task, "err", r.err)
	}
	if err != nil {
		if s.fault == "" {
			s.cfg.Log.Error("records cannot be written for now", "file", s.cfg.Path, "err", err)
		}
		s.fault = err.Error()
		s.announce()
		signal(s.soon)
		return
	}
	if s.fault != "" {
		s.cfg.Log.Info("records are written again", "file", s.cfg.Path, "lost", s.lost)
		s.fault = ""
	}
	s.bytes -= s.w.batch.bytes
	s.written = time.Now()
	s.w.batch = newBatch()
	s.announce()
}

// find carries out a query, on a goroutine of its own unless it drops records.
func (s *Store) find(r request) {
	found := func() (f hub.Found) {
		s.mu.Lock()
		switch {
		case s.fault != "":
			f.Lost = fmt.Sprintf("the database %s cannot be written: %s", s.cfg.Path, s.fault)
		case s.lost > 0:
			f.Lost = fmt.Sprintf("%d changes could not be kept in the database %s", s.lost, s.cfg.Path)
		}
		s.mu.Unlock()
		return f
	}
	if r.query.Drop {
		f := found()
		f.Err = s.w.drop(r.query)
		r.answer(f)
		return
	}
	s.reads.Go(func() {
		f := found()
		f.Rows, f.Err = s.read(r.query)
		r.answer(f)
	})
}
