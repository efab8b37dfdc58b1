package interp

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// callers returns the stack of its caller. A deferred function that recovers
// still sees that of the panic.
func callers() []uintptr {
	pcs := make([]uintptr, 512)
	return pcs[:runtime.Callers(2, pcs)]
}

// compiledFrames returns the frames of compiled code that a panic came from,
// innermost first, as lines of a traceback; pcs is the stack when it was
// recovered. There are none if it was interpreted code that panicked.
func compiledFrames(pcs []uintptr) (lines []string) {
	frames := runtime.CallersFrames(pcs)
	collecting := false
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		switch fn := f.Function; {
		case fn == "runtime.gopanic":
			// Interpreted frames recover and panic again, one by one: what
			// panicked first is below the last of these.
			lines, collecting = nil, true
		case strings.HasPrefix(fn, "runtime."):
		case strings.HasPrefix(fn, "reflect."), strings.HasPrefix(fn, yaegiPath), strings.HasPrefix(fn, ownPath):
			collecting = false
		case collecting && len(lines) < maxFrames:
			lines = append(lines, fmt.Sprintf("  %s, line %d, in %s", path.Base(f.File), f.Line, fn))
		}
	}
	return lines
}

const (
	yaegiPath = "github.com/traefik/yaegi/"
	ownPath   = "muster/engine/interp."
)

// within appends frames of compiled code, innermost first, to a traceback.
func (e *Error) within(compiled []string) *Error {
	if len(compiled) == 0 || len(e.Traceback) == 0 {
		return e
	}
	tb, last := e.Traceback[:len(e.Traceback)-1], e.Traceback[len(e.Traceback)-1]
	if len(tb) == 0 {
		tb = []string{"Traceback (most recent call last):"}
	}
	for i := len(compiled) - 1; i >= 0; i-- {
		tb = append(tb, compiled[i])
	}
	e.Traceback = append(tb, last)
	return e
}
