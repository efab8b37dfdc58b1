package interp

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// exec runs a cell that must succeed.
func exec(t testing.TB, in *Interp, src string) any {
	t.Helper()
	r, err := in.Exec(context.Background(), Cell{Name: "cell", Source: src})
	if err != nil {
		t.Fatalf("%s\n%s", src, strings.Join(err.(*Error).Traceback, "\n"))
	}
	return r.Value
}

// fails runs a cell that must fail with a named error.
func fails(t testing.TB, in *Interp, ctx context.Context, ename, src string) *Error {
	t.Helper()
	r, err := in.Exec(ctx, Cell{Name: "cell", Source: src})
	var e *Error
	if !errors.As(err, &e) || e.Ename != ename {
		t.Fatalf("%s\ngave %v, %v; want a %s", src, r, err, ename)
	}
	return e
}

// lockedBuffer is written by goroutines of cells while a test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// waiter is a Stdout that tells when the cell has printed, so that a test
// interrupts it no sooner.
type waiter struct{ ready chan struct{} }

func (w waiter) Write(p []byte) (int, error) {
	select {
	case w.ready <- struct{}{}:
	default:
	}
	return len(p), nil
}

// interrupt runs a cell that prints once and then does not end, and cancels it.
func interrupt(t *testing.T, in *Interp, ready chan struct{}, src string) *Error {
	t.Helper()
	for len(ready) > 0 {
		<-ready
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-ready
		cancel()
	}()
	e := fails(t, in, ctx, KeyboardInterrupt, "fmt.Println()\n"+src)
	if !errors.Is(e, context.Canceled) {
		t.Errorf("%s\nerrors.Is(%v, context.Canceled) is false", src, e)
	}
	return e
}

func TestInterrupt(t *testing.T) {
	ready := make(chan struct{}, 1)
	in := newInterp(t, Config{Stdout: waiter{ready}})
	exec(t, in, `
func before(x int) int { return x + 1 }
count := func() func() int { n := 0; return func() int { n++; return n } }()
ch := make(chan int)
forever := func() { for { } }
receive := func() int { return <-ch }
count()`)
	for i, src := range []string{
		"for {}",
		"select {}",
		"<-ch",
		"ch <- 1",
		"for range ch {}",
		"select { case <-ch: case ch <- 2: }",
		"time.Sleep(time.Hour)",
		"forever()",
		"receive()",
		"x := 0\nfor { x += before(x) }",
		"go func() { for {} }()\nselect {}",
		"go func() { <-ch }()\nfor {}",
		"defer func() { recover() }()\nfor { func() { defer func() { recover() }() }() }",
		"sort.Slice([]int{2, 1}, func(i, j int) bool { for {} })",
	} {
		e := interrupt(t, in, ready, src)
		if strings.Contains(e.Evalue, "left behind") {
			t.Errorf("%s\n%s", src, e.Evalue)
		}
		if got := exec(t, in, "before(41)"); got != 42 {
			t.Errorf("after %s\na function defined before gives %v", src, got)
		}
		if got := exec(t, in, "count()"); got != i+2 {
			t.Errorf("after %s\na closure made before gives %v, want %d", src, got, i+2)
		}
	}
}

// TestStuck interrupts code in a compiled call that nothing can stop.
func TestStuck(t *testing.T) {
	release := make(chan struct{})
	returned := make(chan struct{})
	var late lockedBuffer
	ready := make(chan struct{}, 1)
	in := newInterp(t, Config{
		Stdout: waiter{ready}, Stderr: &late,
		Funcs: map[string]any{"test.Stuck": func() { <-release; close(returned) }},
	})
	exec(t, in, `
type Pair struct { A int; B []string }
func (p Pair) Sum() int { return p.A + len(p.B) }
func f(x int) int { return g(x) * 2 }
func g(x int) int { return x + k }
func Twice[T any](x T) []T { return []T{x, x} }
const c = 7
k := 10
data := []float64{1, 2}
p := Pair{1, []string{"x"}}
var any1 any = 3.5
var fail error = errors.New("kept")
closure := func() int { return k }
import m "math"`)
	e := interrupt(t, in, ready, "test.Stuck()\nk = 99\nprintln(\"late\")")
	if !strings.Contains(e.Evalue, "left behind") || !strings.Contains(e.Evalue, "lost with it are closure") {
		t.Errorf("the error says %q", e.Evalue)
	}
	for _, c := range []struct {
		src  string
		want any
	}{
		{"f(1)", 22}, {"data", []float64{1, 2}}, {"p.Sum()", 2}, {"any1", 3.5}, {"fail.Error()", "kept"}, {"c + k", 17},
		{"Twice(k)", []int{10, 10}}, {"m.Floor(1.5)", 1.0}, {"p.A = 5\np.Sum()", 6}, {"closure := func() int { return -k }\nclosure()", -10},
	} {
		if got := exec(t, in, c.src); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s is %v after the restart, want %v", c.src, got, c.want)
		}
	}
	close(release)
	<-returned
	exec(t, in, "time.Sleep(10 * time.Millisecond)")
	if got := exec(t, in, "k"); got != 10 || late.String() != "" {
		t.Errorf("code left behind went on: k is %v, it printed %q", got, late.String())
	}
}

func TestGoroutinePanic(t *testing.T) {
	var stderr lockedBuffer
	in := newInterp(t, Config{Stderr: &stderr})
	exec(t, in, `
func bad(s []int, i int) int {
	return s[i]
}
for i := range 3 { go bad(nil, i) }
go func(x int) { panic(x) }(5)
for runtime.NumGoroutine() > 100000 {}`)
	deadline := time.Now().Add(30 * time.Second)
	for strings.Count(stderr.String(), "panic in a goroutine") < 4 || !strings.Contains(stderr.String(), "PanicError: 5") {
		if time.Now().After(deadline) {
			t.Fatalf("not all panics were told:\n%s", stderr.String())
		}
		time.Sleep(time.Millisecond)
	}
	if s := stderr.String(); strings.Count(s, "    return s[i]\nRuntimeError: index out of range\n") != 3 {
		t.Errorf("told as\n%s", s)
	}
}

func TestExit(t *testing.T) {
	in := newInterp(t, Config{})
	for _, src := range []string{
		"os.Exit(0)", "log.Fatalf(\"%d\", 1)", "runtime.Goexit()",
		"func f() { os.Exit(2) }\nfor { f() }",
		"go os.Exit(1)\nselect {}",
		"sort.Slice([]int{2, 1}, func(i, j int) bool { os.Exit(1); return true })",
	} {
		fails(t, in, context.Background(), SystemExit, src)
	}
	if got := exec(t, in, "1"); got != 1 {
		t.Error(got)
	}
}

func TestRecursion(t *testing.T) {
	in := newInterp(t, Config{})
	exec(t, in, `
func depth(n int) int { if n == 0 { return 0 }; return 1 + depth(n-1) }
type T struct{ next *T }
func (t *T) Walk() int { return t.next.Walk() }
type S string
func (s S) String() string { return fmt.Sprint(s) }
func Gen[T any](x T) T { return Gen(x) }
loop := &T{}
loop.next = loop`)
	if got := exec(t, in, "depth(10000)"); got != 10000 {
		t.Errorf("an honest recursion gives %v", got)
	}
	for _, src := range []string{
		"depth(-1)", "loop.Walk()", "Gen(1)",
		"var f func(int) int\nf = func(n int) int { return f(n+1) }\nf(0)",
		"func even(n int) bool { return odd(n+1) }\nfunc odd(n int) bool { return even(n+1) }\neven(1)",
		"go depth(-1)\nselect {}",
	} {
		e := fails(t, in, context.Background(), RecursionError, src)
		if e.Line == 0 {
			t.Errorf("%s: no line in %v", src, e.Traceback)
		}
	}
	if got := exec(t, in, "depth(100)"); got != 100 {
		t.Errorf("after overflows a function gives %v", got)
	}
}

func TestPollution(t *testing.T) {
	in := newInterp(t, Config{})
	exec(t, in, "a := 1\nfunc f() int { return a }")
	before := in.Names()
	for _, src := range []string{
		"a := 2\nb := 3\nnope()", "func f() int { return undefined }", "type T struct{ x Missing }", "import q \"math\"\nq.Nope()",
		"a := \"x\"\nvar c int = \"y\"", "type f int\nvar z f = \"no\"", "}{", "math.Nope", "a.b.c", "T.x", "mat.", "var x = mat.Nope{}",
	} {
		if _, err := in.Exec(context.Background(), Cell{Source: src}); err == nil {
			t.Errorf("%s: no error", src)
		}
		if got := in.Names(); !reflect.DeepEqual(got, before) {
			t.Fatalf("%s leaves %v", src, got)
		}
		if got := exec(t, in, "a + f()"); got != 2 {
			t.Fatalf("%s: a + f() is %v", src, got)
		}
	}
}

func TestPanicsAreErrors(t *testing.T) {
	in := newInterp(t, Config{Funcs: map[string]any{"test.Boom": func() { panic("from compiled code") }}})
	e := fails(t, in, context.Background(), PanicError, "x := 1\n\ntest.Boom()")
	if e.Line != 3 || e.Source != "test.Boom()" || e.Evalue != "from compiled code" {
		t.Errorf("%+v", e)
	}
	_, err := in.Call(context.Background(), "test.Boom", nil)
	if !errors.As(err, &e) || e.Ename != PanicError {
		t.Errorf("Call gives %v", err)
	}
	cause := errors.New("cause")
	in.Set("cause", &cause)
	e = fails(t, in, context.Background(), PanicError, "panic(*cause)")
	if !errors.Is(e, cause) {
		t.Errorf("the panic's error is not behind %v", e)
	}
}
