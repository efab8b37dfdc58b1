package interp

import (
	"bytes"
	"fmt"
	"go/token"
	"reflect"
	"regexp"
	"runtime"
	"strconv"
	"sync/atomic"
	"unsafe"

	"github.com/traefik/yaegi/interp"
)

// yaegi tells a panic's frames by a line each on its standard error, but only
// which function it was and where that begins. So before a program first runs,
// the generators of those of its nodes that can panic are wrapped: the step
// such a node generates notes the node's position when a panic leaves it.
// Nothing else of yaegi changes, and a step that does not panic pays some
// nanoseconds.

// A step is yaegi's bltn: it does its work on a frame and returns the next.
type step func(frame unsafe.Pointer) step

// nodeLayout is where yaegi keeps what tracing needs of a syntax node.
type nodeLayout struct {
	typ                                 reflect.Type
	child, kind, action, gen, exec, pos int
}

func layoutOfNodes() (*nodeLayout, error) {
	root, ok := reflect.TypeFor[interp.Program]().FieldByName("root")
	if !ok || root.Type.Kind() != reflect.Pointer {
		return nil, fmt.Errorf("interp: this version of yaegi has no field root in Program")
	}
	l := &nodeLayout{typ: root.Type.Elem()}
	for name, at := range map[string]*int{"child": &l.child, "kind": &l.kind, "action": &l.action, "gen": &l.gen, "exec": &l.exec, "pos": &l.pos} {
		f, ok := l.typ.FieldByName(name)
		if !ok {
			return nil, fmt.Errorf("interp: this version of yaegi has no field %s in node", name)
		}
		*at = f.Index[0]
	}
	return l, nil
}

// panics are the kinds of nodes whose steps can panic, arithmetic apart.
var panics = map[string]bool{
	"callExpr": true, "indexExpr": true, "sliceExpr": true, "starExpr": true, "selectorExpr": true, "typeAssertExpr": true,
	"sendStmt": true, "assignStmt": true, "assignXStmt": true, "defineStmt": true, "defineXStmt": true, "compositeLitExpr": true,
	"returnStmt": true, "rangeStmt": true, "deferStmt": true, "selectStmt": true,
}

// arithmetic that can panic: division by zero, shifts by a negative count,
// comparison of interfaces that hold what cannot be compared.
var arithmetic = map[string]bool{"/": true, "%": true, "/=": true, "%=": true, "<<": true, ">>": true, "<<=": true, ">>=": true, "==": true, "!=": true}

// trace prepares a compiled program for panics.
func (m *machine) trace(p *interp.Program) {
	root := reflect.ValueOf(p).Elem().FieldByName("root")
	seen := map[unsafe.Pointer]bool{}
	made := literals{}
	var walk func(at unsafe.Pointer)
	walk = func(at unsafe.Pointer) {
		if at == nil || seen[at] {
			return
		}
		seen[at] = true
		n := reflect.NewAt(m.nodes.typ, at).Elem()
		field := func(i int) reflect.Value {
			f := n.Field(i)
			return reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()
		}
		kind, action := fmt.Sprint(field(m.nodes.kind).Interface()), fmt.Sprint(field(m.nodes.action).Interface())
		gen := (*func(unsafe.Pointer))(unsafe.Pointer(n.Field(m.nodes.gen).UnsafeAddr()))
		exec := (*step)(unsafe.Pointer(n.Field(m.nodes.exec).UnsafeAddr()))
		pos := token.Pos(n.Field(m.nodes.pos).Int())
		mayPanic := (panics[kind] && action != "nop") || arithmetic[action]
		switch generate := *gen; {
		case *exec != nil:
			made.add(exec, pos, mayPanic)
		case mayPanic && generate != nil:
			*gen = func(node unsafe.Pointer) {
				generate(node)
				if do := *exec; do != nil {
					*exec = m.traced(do, pos)
				}
			}
		}
		children := n.Field(m.nodes.child)
		for i := range children.Len() {
			walk(children.Index(i).UnsafePointer())
		}
	}
	walk(root.UnsafePointer())
	made.trace(m)
}

// literals are the steps of function literals, which yaegi makes while it
// compiles: each has the next one in it already, so what it returns is replaced.
type literals map[unsafe.Pointer]*literalStep

type literalStep struct {
	exec     *step
	do       step
	pos      token.Pos
	mayPanic bool
	traced   step
	// The one or two steps that follow, as they were first met: a look into
	// the map at every step would double the time of a loop.
	after [2]atomic.Pointer[literalStep]
}

// next is what to run when a step has returned do.
func (s *literalStep) next(do step, all literals) step {
	if do == nil {
		return nil
	}
	at := do.address()
	for i := range s.after {
		t := s.after[i].Load()
		if t == nil {
			if t = all[at]; t == nil {
				return do
			}
			s.after[i].Store(t)
		}
		if t.do.address() == at {
			return t.traced
		}
	}
	if t := all[at]; t != nil {
		return t.traced
	}
	return do
}

// address tells steps apart: functions cannot be compared.
func (s step) address() unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&s)) }

func (l literals) add(exec *step, pos token.Pos, mayPanic bool) {
	if at := (*exec).address(); l[at] == nil {
		l[at] = &literalStep{exec: exec, do: *exec, pos: pos, mayPanic: mayPanic}
	}
}

func (l literals) trace(m *machine) {
	for _, s := range l {
		do := s.do
		if s.mayPanic {
			do = m.traced(do, s.pos)
		}
		s.traced = func(f unsafe.Pointer) step { return s.next(do(f), l) }
	}
	for _, s := range l {
		*s.exec = s.traced
	}
}

func (m *machine) traced(do step, pos token.Pos) step {
	return func(f unsafe.Pointer) (next step) {
		done := false
		defer func() {
			if !done {
				m.note(frame{pos: pos})
			}
		}()
		next = do(f)
		done = true
		return next
	}
}

// frame is where a panic left a function.
type frame struct {
	pos  token.Pos
	line int    // of the function's start, when pos is not known
	fn   string // "" until yaegi has told it
}

// maxFrames bounds what a deep panic leaves.
const maxFrames = 100

// note keeps a frame of the panicking goroutine, innermost first. A position
// comes first, then the name of the function it is in.
func (m *machine) note(f frame) {
	id := goroutineID()
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.frames[id]
	if n := len(list); f.fn != "" && n > 0 && list[n-1].fn == "" {
		list[n-1].fn = f.fn
		return
	}
	if len(list) < maxFrames {
		m.frames[id] = append(list, f)
	}
}

// takeFrames returns the frames of this goroutine's panic and forgets them.
func (m *machine) takeFrames() []frame {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.frames) == 0 {
		return nil
	}
	id := goroutineID()
	f := m.frames[id]
	delete(m.frames, id)
	return f
}

// goroutineID is for what is rare, as panics are: two goroutines may panic at once.
func goroutineID() uint64 {
	var buf [64]byte
	s := bytes.TrimPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	id, _ := strconv.ParseUint(string(s[:max(0, bytes.IndexByte(s, ' '))]), 10, 64)
	return id
}

// tracer receives what yaegi writes to its standard error: nothing but the
// frames of panics. User code has streams of its own.
type tracer struct{ m *machine }

var traceLine = regexp.MustCompile(`^(?:` + fileName + `:)?(\d+):\d+: panic: main\.?([^(]*)\(`)

func (t tracer) Write(p []byte) (int, error) {
	if f := traceLine.FindSubmatch(p); f != nil {
		line, _ := strconv.Atoi(string(f[1]))
		t.m.note(frame{line: line, fn: string(f[2])})
	}
	return len(p), nil
}
