package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"

	"muster/cluster"
	"muster/wire"
)

// A logWriter prints logs, as far as it has not printed them.
type logWriter struct {
	part    string          // of the cluster; "" is all
	engines []wire.EngineID // if only these
	out     io.Writer
	n       int // last lines of a log to begin with; negative is all

	shown   []*shownLog
	current *shownLog // that the last line was from
}

// A shownLog is a log that was asked for.
type shownLog struct {
	path string
	keep func(line string) bool
	from int64 // where what was not printed begins, or unread
}

const unread = -1

// print prints what is new in the logs that were asked for. A line that has no end
// yet is printed at last.
func (w *logWriter) print(all []cluster.Log, last bool) error {
	for _, l := range all {
		if slices.ContainsFunc(w.shown, func(s *shownLog) bool { return s.path == l.Path }) {
			continue
		}
		if keep, ok := w.wanted(l); ok {
			w.shown = append(w.shown, &shownLog{l.Path, keep, unread})
		}
	}
	for _, l := range w.shown {
		if err := w.show(l, last); err != nil {
			return fmt.Errorf("logs: %w", err)
		}
	}
	return nil
}

// wanted reports whether a log is to be printed, and which of its lines.
func (w *logWriter) wanted(l cluster.Log) (keep func(line string) bool, ok bool) {
	every := func(string) bool { return true }
	switch {
	case len(w.engines) == 0:
		engines := l.Of == "engine" || l.Of == "engines"
		return every, w.part == "" || w.part == l.Of || w.part == "engines" && engines
	case l.Of == "engines":
		return func(line string) bool {
			id, known := l.EngineOf(line)
			return known && slices.Contains(w.engines, id)
		}, true
	}
	return every, l.Of == "engine" && slices.Contains(w.engines, l.Engine)
}

// show prints what was added to a log or, at first, its last lines.
func (w *logWriter) show(l *shownLog, last bool) error {
	f, err := os.Open(l.path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	switch {
	case l.from == unread && w.n >= 0:
		var lines []string
		lines, l.from, err = lastLines(f, size, w.n, l.keep, last)
		for _, line := range lines {
			if err == nil {
				err = w.line(l, line)
			}
		}
		return err
	case l.from == unread || size < l.from: // it was begun anew
		l.from = 0
	}
	l.from, err = eachLine(f, l.from, size, last, func(line string) error {
		if !l.keep(line) {
			return nil
		}
		return w.line(l, line)
	})
	return err
}

// line prints a line, under the name of its log where there are several.
func (w *logWriter) line(l *shownLog, line string) error {
	if w.current != l && len(w.shown) > 1 {
		heading := "==> " + l.path + " <==\n"
		if w.current != nil {
			heading = "\n" + heading
		}
		line = heading + line
	}
	w.current = l
	_, err := io.WriteString(w.out, line)
	return err
}

// lastLines returns the last n lines of a file that are to be kept, and where they
// end. Of the file's end it reads no more than it needs, but for a factor.
func lastLines(f io.ReaderAt, size int64, n int, keep func(string) bool, last bool) (lines []string, end int64, err error) {
	for window := int64(1 << 16); ; window *= 8 {
		start := max(0, size-window)
		cut := start > 0 // the first line is the rest of one
		lines = nil
		end, err = eachLine(f, start, size, last, func(line string) error {
			if !cut && keep(line) {
				lines = append(lines, line)
				lines = lines[max(0, len(lines)-n):]
			}
			cut = false
			return nil
		})
		if err != nil || start == 0 || len(lines) == n {
			return lines, end, err
		}
	}
}

// eachLine calls yield for the lines of a part of a file, and returns where the
// last of them ends. One without an end is yielded, with one, only at last.
func eachLine(f io.ReaderAt, start, end int64, last bool, yield func(line string) error) (int64, error) {
	r := bufio.NewReaderSize(io.NewSectionReader(f, start, end-start), 1<<16)
	for {
		line, err := r.ReadString('\n')
		if err == io.EOF && line != "" && last {
			return end, yield(line + "\n")
		}
		if err == io.EOF {
			return start, nil
		}
		if err == nil {
			err = yield(line)
		}
		if err != nil {
			return start, err
		}
		start += int64(len(line))
	}
}
