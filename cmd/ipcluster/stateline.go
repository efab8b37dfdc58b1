package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// A stateLine shows a state: on a terminal on a line that is rewritten, and elsewhere by a line
// for each change, not too often. Other lines are written above it.
type stateLine struct {
	out      *os.File
	terminal bool

	mu    sync.Mutex
	shown string // on the terminal's line, or in the last line elsewhere
	since time.Time
}

func newStateLine(f *os.File) *stateLine {
	return &stateLine{out: f, terminal: term.IsTerminal(int(f.Fd()))}
}

// set shows another state; "" is none.
func (s *stateLine) set(state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case state == s.shown:
	case s.terminal:
		s.shown = state
		s.rewrite()
	case state != "" && time.Since(s.since) >= pause:
		s.shown, s.since = state, time.Now()
		fmt.Fprintln(s.out, state)
	}
}

// rewrite writes the terminal's line. The caller holds mu.
func (s *stateLine) rewrite() {
	line := []rune(s.shown)
	if width, _, err := term.GetSize(int(s.out.Fd())); err == nil && width > 0 {
		line = line[:min(len(line), width-1)] // a line that is broken into two cannot be rewritten
	}
	fmt.Fprint(s.out, clearLine, string(line))
}

// Write writes whole lines above the state.
func (s *stateLine) Write(lines []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal && s.shown != "" {
		fmt.Fprint(s.out, clearLine)
	}
	n, err := s.out.Write(lines)
	if s.terminal && s.shown != "" {
		s.rewrite()
	}
	return n, err
}
