package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"sync"

	"muster/controller/hub"
)

// A journal holds what may not lag behind, as records do by a commit: on which
// engine a request is, noted before it is sent there, what became of a task,
// noted before its client is told, and which engines there are. A line is there
// once write(2) returns, whatever becomes of the process:
//
//	engine 3 "uuid" keeps here        or forgets, if it keeps no replies; or gone
//	task "msg_id" "uuid" mux          by that queue; on no engine if the uuid is empty
//	ended "msg_id" "uuid" ok          or failed
//
// Lines are dropped when the records tell as much. They are in two files, of
// which the one that is not written is emptied as soon as its last line is
// settled, and written when the other has become large.
type journal struct {
	log *slog.Logger

	mu      sync.Mutex // guards what follows
	files   [2]*os.File
	last    [2]uint64 // the number of the last line of each, 0 if it is empty
	current int
	size    int    // of the current file
	count   uint64 // lines ever
	line    []byte
	fault   bool // a line could not be written
}

// segment is the size beyond which the journal goes on in the other file.
const segment = 1 << 20

// segments are the journal's files, beside the database.
func segments(path string) [2]string { return [2]string{path + "-sent0", path + "-sent1"} }

// openJournal begins an empty journal.
func openJournal(path string, log *slog.Logger) (*journal, error) {
	j := &journal{log: log}
	for i, name := range segments(path) {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
		if err != nil {
			j.close()
			return nil, err
		}
		j.files[i] = f
	}
	return j, nil
}

// close ends the journal; its files go if nothing is in them that records do
// not tell.
func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var err error
	for i, f := range j.files {
		if f == nil {
			continue
		}
		err = errors.Join(err, f.Close())
		if j.last[i] == 0 {
			err = errors.Join(err, os.Remove(f.Name()))
		}
		j.files[i] = nil
	}
	return err
}

// sent notes that a request is about to be sent to an engine, or is on none.
func (j *journal) sent(r hub.Sent) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.line = append(j.line[:0], "task "...)
	j.line = strconv.AppendQuote(j.line, string(r.Task))
	j.line = append(j.line, ' ')
	j.line = strconv.AppendQuote(j.line, string(r.Engine))
	j.line = append(append(j.line, ' '), r.Queue...)
	j.write()
}

// ended notes what became of a task.
func (j *journal) ended(o hub.Outcome) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.line = append(j.line[:0], "ended "...)
	j.line = strconv.AppendQuote(j.line, string(o.Task))
	j.line = append(j.line, ' ')
	j.line = strconv.AppendQuote(j.line, string(o.Engine))
	if o.OK {
		j.line = append(j.line, " ok"...)
	} else {
		j.line = append(j.line, " failed"...)
	}
	j.write()
}

// enlist notes an engine that came or went.
func (j *journal) enlist(e hub.Engine) {
	j.mu.Lock()
	defer j.mu.Unlock()
	keeps, here := "forgets", "here"
	if e.Keeps {
		keeps = "keeps"
	}
	if e.Gone {
		here = "gone"
	}
	j.line = fmt.Appendf(j.line[:0], "engine %d %q %s %s", e.ID, e.UUID, keeps, here)
	j.write()
}

// write adds the line. The caller holds mu.
func (j *journal) write() {
	f := j.files[j.current]
	if f == nil {
		return // closed: the last replies of a controller that ends
	}
	if j.last[j.current] == 0 {
		j.line = append(fmt.Appendf(nil, "journal %d\n", j.count), j.line...)
	}
	j.line = append(j.line, '\n')
	j.count++
	j.last[j.current] = j.count
	j.size += len(j.line)
	if _, err := f.Write(j.line); err != nil && !j.fault {
		j.fault = true
		j.log.Error("the journal cannot be written: after a crash, tasks may run twice", "file", f.Name(), "err", err)
	}
}

// position is the number of the last line.
func (j *journal) position() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.count
}

// settled says that records tell as much as the lines up to a position.
func (j *journal) settled(position uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, f := range j.files {
		if f == nil || j.last[i] == 0 || j.last[i] > position {
			continue
		}
		if err := f.Truncate(0); err != nil {
			continue // it is tried again, and what it says is true
		}
		j.last[i] = 0
		if i == j.current {
			j.size = 0
		}
	}
	if other := 1 - j.current; j.size > segment && j.last[other] == 0 {
		j.current, j.size = other, 0
	}
}

// noted is what a journal tells, each in the order in which it was noted.
type noted struct {
	engines  []hub.Engine
	places   []hub.Sent
	outcomes []hub.Outcome
}

// readJournal returns what the journal of an earlier run tells.
func readJournal(path string) (*noted, error) {
	type part struct {
		begin uint64
		lines []byte
	}
	var parts []part
	for _, name := range segments(path) {
		b, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(b) == 0 {
			continue
		}
		if err != nil {
			return nil, err
		}
		first, rest, _ := bytes.Cut(b, []byte("\n"))
		var p part
		if _, err := fmt.Sscanf(string(first), "journal %d", &p.begin); err != nil {
			return nil, fmt.Errorf("%s is no journal: move it away", name)
		}
		p.lines = rest
		parts = append(parts, p)
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(a.begin, b.begin) })
	n := new(noted)
	for _, p := range parts {
		for line := range bytes.Lines(p.lines) {
			if line, whole := bytes.CutSuffix(line, []byte("\n")); whole { // else cut off: what it was about did not happen
				n.read(string(line))
			}
		}
	}
	return n, nil
}

// read takes in a line. One that is none of ours says nothing.
func (n *noted) read(line string) {
	var e hub.Engine
	var p hub.Sent
	var o hub.Outcome
	var first, second string
	if _, err := fmt.Sscanf(line, "task %q %q %s", &p.Task, &p.Engine, &p.Queue); err == nil {
		n.places = append(n.places, p)
	} else if _, err := fmt.Sscanf(line, "ended %q %q %s", &o.Task, &o.Engine, &first); err == nil {
		o.OK = first == "ok"
		n.outcomes = append(n.outcomes, o)
	} else if _, err := fmt.Sscanf(line, "engine %d %q %s %s", &e.ID, &e.UUID, &first, &second); err == nil {
		e.Keeps, e.Gone = first == "keeps", second == "gone"
		n.engines = append(n.engines, e)
	}
}
