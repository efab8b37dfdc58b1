package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"muster/cluster"
)

// progress shows how far a start is: on a terminal on a line that is rewritten, and
// elsewhere on a line now and then, when a start takes long and there is news of it.
// What else is written there goes through it. Its methods may be called from any goroutine.
type progress struct {
	out      *os.File
	terminal bool

	mu    sync.Mutex
	now   cluster.Progress
	line  string           // what stands on the line of the terminal
	told  cluster.Progress // what was last written elsewhere
	asks  string           // a question that waits for its answer, in place of the line
	ended chan struct{}    // closed by end; nil before the first show
}

const (
	refresh = time.Second // of a terminal's line, which says how long something has lasted
	quiet   = 5 * time.Second
	pause   = 10 * time.Second // from one line to the next where there is no terminal, after quiet
)

func progressOn(f *os.File) *progress {
	return &progress{out: f, terminal: term.IsTerminal(int(f.Fd()))}
}

// show shows how far the start is now.
func (p *progress) show(now cluster.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = now
	if p.ended == nil {
		p.ended = make(chan struct{})
		go p.keep(p.ended)
	}
	p.rewrite()
}

// keep keeps what is shown up to date until the end.
func (p *progress) keep(ended <-chan struct{}) {
	wait := quiet
	if p.terminal {
		wait = refresh
	}
	for {
		select {
		case <-ended:
			return
		case <-time.After(wait):
		}
		p.mu.Lock()
		if p.ended == ended {
			p.rewrite()
			p.tell()
		}
		p.mu.Unlock()
		if !p.terminal {
			wait = pause
		}
	}
}

// rewrite writes the terminal's line if it says something else now.
func (p *progress) rewrite() {
	if !p.terminal || p.asks != "" || p.ended == nil {
		return
	}
	line := []rune(p.now.String())
	if width, _, err := term.GetSize(int(p.out.Fd())); err == nil && width > 0 {
		line = line[:min(len(line), width-1)] // a line that is broken into two cannot be rewritten
	}
	if string(line) != p.line {
		p.line = string(line)
		fmt.Fprint(p.out, clearLine, p.line)
	}
}

const clearLine = "\r\x1b[K"

// tell writes a line where there is no terminal, if there is news: that a job is
// expected to start a minute later is none, nor that one more engine has left.
func (p *progress) tell() {
	if p.terminal || p.now.Job == p.told.Job && p.now.Waiting.Reason == p.told.Waiting.Reason && (p.now.Leaving != "" || p.now.Have == p.told.Have) && p.told != (cluster.Progress{}) {
		return
	}
	p.told = p.now
	fmt.Fprintln(p.out, p.now)
}

// Write writes whole lines, and then the progress, or the question, again.
func (p *progress) Write(lines []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.line != "" || p.asks != "" {
		p.line = ""
		fmt.Fprint(p.out, clearLine)
	}
	n, err := p.out.Write(lines)
	fmt.Fprint(p.out, p.asks)
	p.rewrite()
	return n, err
}

// ask shows a question in place of the progress.
func (p *progress) ask(question string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asks, p.line = question, ""
	fmt.Fprint(p.out, "\n", question)
}

// answered shows the progress again.
func (p *progress) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asks = ""
	p.rewrite()
}

// end ends the line, if there is one.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended != nil {
		close(p.ended)
		p.ended = nil
	}
	if p.line != "" || p.asks != "" {
		p.line, p.asks = "", ""
		fmt.Fprintln(p.out)
	}
}
