package launcher

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A poller asks one batch system about all jobs of this process: with one
// question at a time, and not before the longest poll time of these jobs has
// passed since the last one.
type poller struct {
	system batchSystem
	runner Runner

	mu    sync.Mutex
	jobs  map[*polled]bool
	last  time.Time // when the last answer came
	alive bool      // a goroutine asks; it ends when there are no jobs
}

// polled is one job that somebody asks about.
type polled struct {
	id      string
	poll    time.Duration
	answers chan answer // holds the latest
}

// An answer is what a question has told of one job.
type answer struct {
	jobState
	err error // there was no answer
}

// pollers are this process's, one for each batch system and each way to reach it.
var pollers struct {
	sync.Mutex
	all map[pollerKey]*poller
}

type pollerKey struct {
	system string
	runner Runner
}

func pollerOf(system batchSystem, runner Runner) *poller {
	pollers.Lock()
	defer pollers.Unlock()
	key := pollerKey{system.name(), runner}
	p := pollers.all[key]
	if p == nil {
		p = &poller{system: system, runner: runner, jobs: make(map[*polled]bool)}
		if pollers.all == nil {
			pollers.all = make(map[pollerKey]*poller)
		}
		pollers.all[key] = p
	}
	return p
}

// firstLook is how long a new job is left alone: the batch system has to look
// at it first.
const firstLook = time.Second

// add begins to ask about a job. The channel holds the latest answer that
// nobody has taken; forget ends it.
func (p *poller) add(id string, poll time.Duration) (answers <-chan answer, forget func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	j := &polled{id: id, poll: poll, answers: make(chan answer, 1)}
	p.jobs[j] = true
	if !p.alive {
		p.alive = true
		go p.ask()
	}
	return j.answers, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.jobs, j)
	}
}

// ask asks as long as there are jobs.
func (p *poller) ask() {
	time.Sleep(firstLook)
	for {
		ids, pause := p.due()
		if len(ids) == 0 && pause == 0 {
			return
		}
		if pause > 0 {
			time.Sleep(min(pause, firstLook)) // jobs come and go meanwhile
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), submitLimit)
		printed, err := p.runner.Output(ctx, Command{Args: p.system.query(ids), Env: plainWords})
		cancel()
		states, err := p.system.states(ids, printed, err)
		p.tell(states, err)
	}
}

// due returns the jobs that can be asked about now, or how long to wait, or
// neither if there are no jobs: then the goroutine that asked must end.
func (p *poller) due() (ids []string, pause time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var poll time.Duration
	for j := range p.jobs {
		ids = append(ids, j.id)
		poll = max(poll, j.poll)
	}
	if len(ids) == 0 {
		p.alive = false
		return nil, 0
	}
	if pause = time.Until(p.last.Add(poll)); pause > 0 {
		return nil, pause
	}
	slices.Sort(ids)
	return slices.Compact(ids), 0
}

// tell hands the answers out. Jobs that have come since the question have none.
func (p *poller) tell(states map[string]jobState, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = time.Now()
	for j := range p.jobs {
		state, told := states[j.id]
		if !told && err == nil {
			continue
		}
		select {
		case <-j.answers: // an older one
		default:
		}
		j.answers <- answer{state, err}
	}
}
