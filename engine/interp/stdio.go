package interp

import (
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"os"
	"reflect"
	"sync"
	"time"
)

// stream is os.Stdout or os.Stderr as user code sees it: every write goes to
// the engine's writer at once, one at a time. When its machine is abandoned
// the stream is closed, and what late code writes is dropped: it belongs to no
// cell any more.
type stream struct {
	name string
	mu   sync.Mutex
	w    io.Writer
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w == nil {
		return len(p), nil
	}
	return s.w.Write(p)
}

func (s *stream) WriteString(text string) (int, error) { return s.Write([]byte(text)) }

// Name, Sync and Close are what programs call on os.Stdout besides writing.
func (s *stream) Name() string { return s.name }
func (s *stream) Sync() error  { return nil }
func (s *stream) Close() error { return nil }

func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w = nil
}

// emptyInput is standard input: an engine has none.
type emptyInput struct{}

func (emptyInput) Read([]byte) (int, error) { return 0, io.EOF }

// noFiles keeps yaegi from importing source files of the machine it runs on.
type noFiles struct{}

func (noFiles) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// shields returns the symbols of the standard library that must not mean in a
// cell what they mean in a process: output, exit, and waits that an interrupt
// has to end.
func (m *machine) shields() map[string]map[string]reflect.Value {
	exit := func(code int) {
		m.halt((&Error{Ename: SystemExit, Evalue: fmt.Sprintf("exit status %d", code)}).at())
	}
	l := log.New(m.errs, "", log.LstdFlags)
	sl := slog.New(slog.NewTextHandler(m.errs, nil))
	var stdin io.Reader = emptyInput{}
	fn := reflect.ValueOf
	return map[string]map[string]reflect.Value{
		"fmt": {
			"Print":   fn(func(a ...any) (int, error) { return fmt.Fprint(m.out, a...) }),
			"Printf":  fn(func(f string, a ...any) (int, error) { return fmt.Fprintf(m.out, f, a...) }),
			"Println": fn(func(a ...any) (int, error) { return fmt.Fprintln(m.out, a...) }),
			"Scan":    fn(func(a ...any) (int, error) { return fmt.Fscan(stdin, a...) }),
			"Scanf":   fn(func(f string, a ...any) (int, error) { return fmt.Fscanf(stdin, f, a...) }),
			"Scanln":  fn(func(a ...any) (int, error) { return fmt.Fscanln(stdin, a...) }),
		},
		"log": {
			"Default":   fn(func() *log.Logger { return l }),
			"Fatal":     fn(func(a ...any) { l.Print(a...); exit(1) }),
			"Fatalf":    fn(func(f string, a ...any) { l.Printf(f, a...); exit(1) }),
			"Fatalln":   fn(func(a ...any) { l.Println(a...); exit(1) }),
			"Flags":     fn(l.Flags),
			"Output":    fn(l.Output),
			"Panic":     fn(l.Panic),
			"Panicf":    fn(l.Panicf),
			"Panicln":   fn(l.Panicln),
			"Prefix":    fn(l.Prefix),
			"Print":     fn(l.Print),
			"Printf":    fn(l.Printf),
			"Println":   fn(l.Println),
			"SetFlags":  fn(l.SetFlags),
			"SetOutput": fn(l.SetOutput),
			"SetPrefix": fn(l.SetPrefix),
			"Writer":    fn(l.Writer),
		},
		"log/slog": {
			"Default": fn(func() *slog.Logger { return sl }),
			"Debug":   fn(sl.Debug),
			"Info":    fn(sl.Info),
			"Warn":    fn(sl.Warn),
			"Error":   fn(sl.Error),
			"With":    fn(sl.With),
		},
		"os": {
			"Exit":   fn(exit),
			"Stdin":  reflect.ValueOf(&stdin).Elem(),
			"Stdout": reflect.ValueOf(&m.out).Elem(),
			"Stderr": reflect.ValueOf(&m.errs).Elem(),
			"Args":   reflect.ValueOf(&[]string{os.Args[0]}).Elem(),
		},
		"time": {
			"Sleep": fn(m.sleep),
		},
		"flag": m.flags.symbols(),
	}
}

// sleep is time.Sleep that ends when the cell is interrupted.
func (m *machine) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-m.halted():
	}
}
