package interp

import (
	"context"
	"errors"
	"fmt"
	"go/scanner"
	"go/types"
	"reflect"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// The names of errors, as a peer in any language reads them (ename in the
// message content). They are Go's words where Go has one and the field's
// otherwise: an interrupted cell is a KeyboardInterrupt to every client.
const (
	SyntaxError       = "SyntaxError"       // the cell does not parse
	CompileError      = "CompileError"      // it parses, but is not a valid Go program here
	RuntimeError      = "RuntimeError"      // the Go runtime panicked: index, nil, division, conversion
	PanicError        = "PanicError"        // user code called panic
	NameError         = "NameError"         // no such name in the namespace
	TypeError         = "TypeError"         // arguments do not fit a function
	KeyboardInterrupt = "KeyboardInterrupt" // the context ended while user code ran
	SystemExit        = "SystemExit"        // os.Exit, log.Fatal or runtime.Goexit
	RecursionError    = "RecursionError"    // the stack would have overflowed
)

// Error is the one error type of this package: what went wrong in a cell, an
// expression or a call, and where.
type Error struct {
	Ename     string   // one of the names above, or the Go type of an error a function returned
	Evalue    string   // one line of text
	Cell      string   // name of the cell at fault, "" when none is
	Line      int      // 1-based line in that cell, 0 when unknown
	Column    int      // 1-based column (bytes), 0 when unknown
	Source    string   // that line of the cell
	Traceback []string // plain text, a line each, innermost frame last, then "Ename: Evalue"
	Err       error    // the cause when there is one: the context's error, the panic's or the returned error
}

func (e *Error) Error() string {
	if e.Cell == "" {
		return e.Ename + ": " + e.Evalue
	}
	return fmt.Sprintf("%s: %s (%s, line %d)", e.Ename, e.Evalue, e.Cell, e.Line)
}

// Unwrap returns the cause, so that errors.Is(err, context.Canceled) holds
// for an interrupted cell.
func (e *Error) Unwrap() error { return e.Err }

// place is a position in a cell.
type place struct {
	cell      *cellText
	line, col int
	fn        string // function the frame belongs to, "" for the cell itself
}

// at returns e placed in a cell, its traceback made of the frames, innermost
// last.
func (e *Error) at(frames ...place) *Error {
	var tb []string
	if len(frames) > 0 {
		tb = append(tb, "Traceback (most recent call last):")
	}
	for i, f := range frames {
		in := ""
		if f.fn != "" {
			in = ", in " + f.fn
		}
		tb = append(tb, fmt.Sprintf("  %s, line %d%s", f.cell.name, f.line, in))
		src := f.cell.line(f.line)
		if s := strings.TrimSpace(src); s != "" {
			tb = append(tb, "    "+s)
			if i == len(frames)-1 && f.col > 0 && (e.Ename == SyntaxError || e.Ename == CompileError) {
				indent := len(src) - len(strings.TrimLeft(src, " \t"))
				if n := f.col - 1 - indent; n >= 0 && n <= len(s) {
					tb = append(tb, "    "+strings.Repeat(" ", n)+"^")
				}
			}
		}
		e.Cell, e.Line, e.Column, e.Source = f.cell.name, f.line, f.col, src
	}
	e.Traceback = append(tb, e.Ename+": "+e.Evalue)
	return e
}

func errorf(ename, format string, args ...any) *Error {
	return (&Error{Ename: ename, Evalue: fmt.Sprintf(format, args...)}).at()
}

// internalName strips what lowering adds to names: versions (aꞏ2) and the
// name of the package all cells share.
var internalName = regexp.MustCompile(`ꞏ\w*|\bmain\.`)

func plain(msg string) string {
	return strings.ReplaceAll(internalName.ReplaceAllString(msg, ""), "\n\t", "; ")
}

// declaredAt is how the type checker points to another place.
var declaredAt = regexp.MustCompile(`\b` + fileName + `:(\d+):\d+`)

// message is what the type checker says, in the names and lines of the user.
func (in *Interp) message(msg string) string {
	return declaredAt.ReplaceAllStringFunc(plain(msg), func(s string) string {
		line, _ := strconv.Atoi(declaredAt.FindStringSubmatch(s)[1])
		if p := in.place(line, 0, ""); len(p) > 0 {
			return fmt.Sprintf("%s, line %d", p[0].cell.name, p[0].line)
		}
		return s
	})
}

// syntaxError turns the parser's error into one placed in a cell.
func (in *Interp) syntaxError(err error) *Error {
	var list scanner.ErrorList
	if !errors.As(err, &list) || len(list) == 0 {
		return errorf(SyntaxError, "%v", err)
	}
	e := &Error{Ename: SyntaxError, Evalue: list[0].Msg, Err: err}
	return e.at(in.place(list[0].Pos.Line, list[0].Pos.Column, "")...)
}

// typeErrors turns what the type checker found into one error: the first
// names the place, and up to five are told.
func (in *Interp) typeErrors(list []types.Error) *Error {
	e := &Error{Ename: CompileError, Evalue: in.message(list[0].Msg), Err: list[0]}
	pos := in.fset.Position(list[0].Pos)
	e.at(in.place(pos.Line, pos.Column, "")...)
	for i, more := range list[1:] {
		if i == 4 {
			e.Traceback = append(e.Traceback, fmt.Sprintf("and %d more errors", len(list)-5))
			break
		}
		line := in.message(more.Msg)
		if p := in.place(in.fset.Position(more.Pos).Line, 0, ""); len(p) > 0 {
			line = fmt.Sprintf("line %d: %s", p[0].line, line)
		}
		e.Traceback = append(e.Traceback, line)
	}
	return e
}

var yaegiPos = regexp.MustCompile(`^(?:cell:)?(\d+):(\d+): `)

// yaegiError is a refusal of the interpreter to compile what the type checker
// accepted: a limit of yaegi, said as such.
func (in *Interp) yaegiError(err any) *Error {
	msg := fmt.Sprint(err)
	if e, ok := err.(error); ok {
		msg = e.Error()
	}
	var at []place
	if m := yaegiPos.FindStringSubmatch(msg); m != nil {
		line, _ := strconv.Atoi(m[1])
		col, _ := strconv.Atoi(m[2])
		at = in.place(line, col, "")
		msg = msg[len(m[0]):]
	}
	e := &Error{Ename: CompileError, Evalue: "valid Go, but the interpreter does not support it (" + plain(msg) +
		"); write it in another way, or compile it as a registered function"}
	return e.at(at...)
}

// panicError turns the value of a panic and the frames it crossed, innermost
// first, into an Error.
func panicError(v any, frames []place) *Error {
	v = unwrap(v)
	e := &Error{Ename: PanicError}
	switch x := v.(type) {
	case *Error:
		return x
	case runtime.Error:
		e.Ename, e.Evalue, e.Err = RuntimeError, x.Error(), x
	case *reflect.ValueError:
		e.Ename, e.Evalue, e.Err = RuntimeError, runtimeText(x.Error()), x
	case error:
		e.Evalue, e.Err = x.Error(), x
		// yaegi raises failed type assertions as errors of its own.
		if msg := yaegiPos.ReplaceAllString(e.Evalue, ""); msg != e.Evalue {
			e.Ename, e.Evalue = RuntimeError, plain(msg)
		}
	case string:
		e.Evalue = x
		if t := runtimeText(x); t != x {
			e.Ename, e.Evalue = RuntimeError, t
		}
	default:
		e.Evalue = fmt.Sprint(v)
	}
	e.Evalue = strings.TrimPrefix(e.Evalue, "runtime error: ")
	outerFirst := make([]place, 0, len(frames))
	for i := len(frames) - 1; i >= 0; i-- {
		outerFirst = append(outerFirst, frames[i])
	}
	return e.at(outerFirst...)
}

// runtimeText gives Go's words for the panics that the interpreter, which
// works through package reflect, raises in reflect's.
func runtimeText(s string) string {
	switch {
	case !strings.HasPrefix(s, "reflect: ") && !strings.HasPrefix(s, "reflect."):
		return s
	case strings.Contains(s, "index out of range"):
		return "index out of range"
	case strings.Contains(s, "slice bounds out of range"), strings.Contains(s, "slice index out of bounds"):
		return "slice bounds out of range"
	case strings.Contains(s, "zero Value"), strings.Contains(s, "nil pointer"), strings.Contains(s, "nil func"):
		return "invalid memory address or nil pointer dereference"
	}
	return strings.TrimPrefix(s, "reflect: ")
}

// interrupted is the error of user code whose context ended.
func interrupted(ctx context.Context) *Error {
	cause := context.Cause(ctx)
	what := "execution interrupted"
	if errors.Is(cause, context.DeadlineExceeded) {
		what = "execution interrupted: its time ran out"
	}
	return (&Error{Ename: KeyboardInterrupt, Evalue: what, Err: cause}).at()
}
