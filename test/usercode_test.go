package test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"muster/client"
)

// User code that panics, exits, loops or floods costs its own request only.
func TestUserCode(t *testing.T) {
	s := newSite(t)
	s.run("ipcluster", "start", "-n", "3", "--daemonize")
	defer s.run("ipcluster", "stop")
	c := s.connect(3)
	all, one := c.Direct(client.All), c.Direct(client.Engines(0))
	if _, err := all.Execute(s.ctx(), "kept := 7"); err != nil {
		t.Fatal(err)
	}
	works := func(t *testing.T, v *client.DirectView) {
		t.Helper()
		if kept, err := client.Get[int](s.ctx(), v, "kept"); err != nil || kept[0] != 7 {
			t.Errorf("afterwards: %v, %v", kept, err)
		}
	}
	for code, says := range map[string]string{
		`panic("no")`:        "line 2",
		`var p *int; *p = 1`: "line 2",
		`os.Exit(3)`:         "SystemExit: exit status 3",
		`log.Fatal("no")`:    "SystemExit: exit status 1",
		`go func() { panic("late") }(); time.Sleep(50 * time.Millisecond); panic("no")`: "line 2",
		`var down func(int) int; down = func(n int) int { return down(n+1) }; down(0)`:  "line 2",
		`undefined.Name()`: "line 2",
		`func (`:           "line 2",
	} {
		t.Run(code, func(t *testing.T) {
			_, err := one.Execute(s.ctx(), "x := 1\n"+code)
			var remote *client.RemoteError
			if !errors.As(err, &remote) || remote.Engine != 0 || len(remote.Traceback) == 0 {
				t.Fatalf("%v", err)
			}
			if tb := strings.Join(remote.Traceback, "\n"); !strings.Contains(tb, says) {
				t.Errorf("the traceback does not say %q:\n%s", says, tb)
			}
			works(t, all)
		})
	}
	// An interrupt that comes before the code it is meant for finds nothing to
	// do, so it is repeated, as a user would.
	interrupt := func(t *testing.T, ar *client.AsyncResult) {
		t.Helper()
		s.until("the interrupt", func() bool {
			if err := c.Interrupt(s.ctx(), client.Engines(0)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond)
			return ar.Ready()
		})
		if _, err := ar.Get(s.ctx()); err == nil || !strings.Contains(err.Error(), "KeyboardInterrupt") {
			t.Errorf("interrupted: %v", err)
		}
	}
	t.Run("endless loop", func(t *testing.T) {
		ar := one.ExecuteAsync("for {}")
		works(t, c.Direct(client.Engines(1, 2)))
		interrupt(t, ar)
		works(t, all)
	})
	t.Run("flood", func(t *testing.T) {
		ar := one.ExecuteAsync(`for { fmt.Println("all work and no play") }`)
		works(t, c.Direct(client.Engines(1, 2)))
		time.Sleep(time.Second) // what a user needs to notice
		interrupt(t, ar)
		if n := len(ar.Metadata()[0].Stdout); n == 0 || n > 2*client.MaxOutput {
			t.Errorf("%d bytes of output kept", n)
		}
		works(t, all)
	})
	// A process that ends is dead within a second for all, and what it was
	// asked for fails with EngineError.
	t.Run("killed", func(t *testing.T) {
		dying := c.Direct(client.Engines(2))
		ar := dying.ExecuteAsync(`exec.Command("kill", "-9", strconv.Itoa(os.Getpid())).Run()` + "\nselect {}")
		queued := dying.ExecuteAsync("1")
		start := time.Now()
		for _, ar := range []*client.AsyncResult{ar, queued} {
			_, err := ar.Get(s.ctx())
			var remote *client.RemoteError
			if !errors.As(err, &remote) || remote.Name != "EngineError" || remote.Engine != 2 {
				t.Errorf("%v", err)
			}
		}
		s.until("the engine to be gone", func() bool { return len(c.IDs()) == 2 })
		t.Logf("dead after %v", time.Since(start))
		if _, err := dying.Execute(s.ctx(), "1"); err == nil || !strings.Contains(err.Error(), "engine 2") {
			t.Errorf("a call to a dead engine: %v", err)
		}
		works(t, c.Direct(client.All))
	})
}
