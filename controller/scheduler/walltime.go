package scheduler

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// A task may say how long it takes at most, its walltime. It then goes to no
// engine whose job ends before that. As the time passes engines only become
// fewer that it fits: a class of such jobs leaves its seat at an engine when
// there is too little time left for them, and waits for another.

// digits is how exact walltimes are, in decimal digits of ticks: those of a
// campaign of estimates then make no more than some thousand classes.
const digits = 3

// walltime is a time in ticks, rounded up.
func walltime(seconds, tick float64) int {
	n := int(math.Ceil(seconds / tick))
	unit := 1
	for limit := int(math.Pow10(digits)); n > limit*unit; {
		unit *= 10
	}
	return (n + unit - 1) / unit * unit
}

// fits tells whether an engine is there for long enough.
func (b *Balanced) fits(w *worker, walltime int) bool {
	return walltime == 0 || w.end == 0 || w.end-b.now >= walltime
}

// A lapse is a seat at an engine whose job ends. The class with the longest
// walltime leaves first.
type lapse struct{ *seat }

func (l lapse) before(m lapse) bool { return l.class.walltime > m.class.walltime }

func (l lapse) place() *int { return &l.exit }

// lapsed is when the first class leaves an engine, in ticks.
func (w *worker) lapsed() int {
	if len(w.lapses) == 0 {
		return math.MaxInt
	}
	return w.end - w.lapses[0].class.walltime + 1
}

// lapse has classes leave the engines that do not last for them any more. Jobs
// that have failed elsewhere may go there again.
func (b *Balanced) lapse() {
	var stranded []*job
	for _, w := range b.workers {
		for w.lapsed() <= b.now {
			c := w.lapses[0].class
			c.stand(w)
			if len(c.seats) == 0 {
				stranded = slices.AppendSeq(stranded, c.all)
			}
		}
	}
	b.resettle(slices.DeleteFunc(stranded, func(j *job) bool { return len(j.refused) == 0 }))
}

// tooShort says of which engines that a job might go to the job ends too early.
func (b *Balanced) tooShort(j *job) string {
	short := b.reached(j, func(w *worker) bool { return !w.draining && !b.fits(w, j.walltime) })
	if len(short) == 0 {
		return ""
	}
	last := 0
	for _, w := range short {
		last = max(last, w.end)
	}
	needs, left := b.span(j.walltime), b.span(last-b.now)
	if len(short) == 1 {
		return fmt.Sprintf("it needs %s, %s's job ends in %s", needs, plural(short), left)
	}
	return fmt.Sprintf("it needs %s, the jobs of %s end in %s or less", needs, plural(short), left)
}

// span writes a time as in "1h12m", by its two largest units.
func (b *Balanced) span(ticks int) string {
	seconds := float64(max(0, ticks)) * b.cfg.Tick
	if seconds < 10 {
		return strconv.FormatFloat(math.Round(10*seconds)/10, 'g', -1, 64) + "s"
	}
	n := int(seconds)
	for _, unit := range [...]struct {
		in, of       int // seconds
		larger, name string
	}{{86400, 3600, "d", "h"}, {3600, 60, "h", "m"}, {60, 1, "m", "s"}} {
		if n < unit.in {
			continue
		}
		s := strconv.Itoa(n/unit.in) + unit.larger
		if rest := n % unit.in / unit.of; rest > 0 {
			s += strconv.Itoa(rest) + unit.name
		}
		return s
	}
	return strconv.Itoa(n) + "s"
}
