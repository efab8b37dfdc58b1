package scheduler

import (
	"slices"
	"strconv"
	"strings"

	"muster/wire"
)

// A class is the waiting jobs that may go to the same engines: to those, or
// except for being true, to all but those, unless they refuse what all of its
// jobs demand, drain, or end too early. It lasts while a job waits in it.
type class struct {
	line
	key     string
	engines []wire.EngineUUID // sorted
	except  bool
	seats   []*seat // one for each engine that may take its jobs

	condition *condition // of all of them
	walltime  int        // likewise, in ticks
}

// A seat is a class's place among those from which an engine may take jobs.
type seat struct {
	class  *class
	worker *worker
	slot   int
	exit   int // its place among those that it has until the engine's end is near
}

// before goes by the jobs whose turn it is.
func (s *seat) before(t *seat) bool { return s.class.first().before(t.class.first()) }

func (s *seat) place() *int { return &s.slot }

// takes tells whether an engine may take the class's jobs.
func (b *Balanced) takes(w *worker, c *class) bool {
	return slices.Contains(c.engines, w.uuid) != c.except && b.serves(w, c.condition, c.walltime)
}

// serves tells whether an engine meets what jobs demand of any.
func (b *Balanced) serves(w *worker, c *condition, walltime int) bool {
	return !w.draining && !c.refuses(w.uuid) && b.fits(w, walltime)
}

// wait puts a job into the line of its class.
func (b *Balanced) wait(j *job, engines []wire.EngineUUID, except bool) {
	b.ready++
	if except && len(engines) == 0 && j.condition == nil && j.walltime == 0 {
		j.class = &b.open
		b.open.push(j)
		return
	}
	var key strings.Builder
	if j.condition != nil {
		key.WriteString(strconv.FormatUint(j.condition.number, 10))
	}
	if j.walltime > 0 {
		key.WriteByte('w')
		key.WriteString(strconv.Itoa(j.walltime))
	}
	if except {
		key.WriteByte('-')
	}
	for _, e := range engines {
		key.WriteByte('+')
		key.WriteString(string(e))
	}
	c := b.classes[key.String()]
	if c != nil {
		first := c.first()
		c.push(j)
		if j.class = c; c.first() != first {
			c.reseat()
		}
		if j.follow == nil && !except && len(j.refused) == 0 {
			j.targets = c.engines // the same, once for all of them
		}
		return
	}
	c = &class{key: key.String(), engines: engines, except: except, condition: j.condition, walltime: j.walltime}
	if c.condition != nil {
		c.condition.classes = append(c.condition.classes, c)
	}
	c.push(j)
	j.class = c
	b.classes[c.key] = c
	for _, w := range b.workers {
		if b.takes(w, c) {
			c.sit(w)
		}
	}
}

// unwait takes a waiting job out of its line.
func (b *Balanced) unwait(j *job) {
	c := j.class
	j.class = nil
	b.ready--
	if c == &b.open {
		c.remove(j)
		return
	}
	if c.len() == 1 {
		for _, s := range c.seats {
			s.free()
		}
		delete(b.classes, c.key)
		if d := c.condition; d != nil {
			d.classes = slices.DeleteFunc(d.classes, func(x *class) bool { return x == c })
		}
		return
	}
	first := c.first()
	c.remove(j)
	if j == first {
		c.reseat()
	}
}

// sit gives the class a seat at an engine.
func (c *class) sit(w *worker) {
	s := &seat{class: c, worker: w}
	c.seats = append(c.seats, s)
	w.seats.push(s)
	if s.ends() {
		w.lapses.push(lapse{s})
	}
}

// ends tells whether the class will have to leave the seat.
func (s *seat) ends() bool { return s.class.walltime > 0 && s.worker.end > 0 }

// free gives the engine its seat back.
func (s *seat) free() {
	s.worker.seats.remove(s)
	if s.ends() {
		s.worker.lapses.remove(lapse{s})
	}
}

// stand takes the class's seat at an engine, if it has one.
func (c *class) stand(w *worker) {
	if i := slices.IndexFunc(c.seats, func(s *seat) bool { return s.worker == w }); i >= 0 {
		c.seats[i].free()
		c.seats = slices.Delete(c.seats, i, i+1)
	}
}

// reseat is for when another job is first.
func (c *class) reseat() {
	for _, s := range c.seats {
		s.worker.seats.fix(s)
	}
}
