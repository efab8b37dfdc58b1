package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"muster/client"
	"muster/controller"
	"muster/engine"
	"muster/launcher/launchertest"
	"muster/wire"
)

// behind connects to the cluster of a profile by way of ssh.
func behind(t *testing.T, s *launchertest.SSHD, host string, p wire.Profile, opts ...client.Option) (*client.Client, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	opts = append(opts, client.WithSSH(host, "ssh", "-F", s.Config), client.WithProfileDir(p.Dir))
	c, err := client.Connect(ctx, opts...)
	check(t, err)
	t.Cleanup(func() { check(t, c.Close()) })
	return c, ctx
}

func TestSSH(t *testing.T) {
	s := launchertest.NewSSHD(t)
	p, err := wire.NamedProfile("")
	check(t, err)
	for _, host := range []string{"n1", "far"} {
		c, ctx := behind(t, s, host, p)
		check(t, c.WaitForEngines(ctx, 4))
		rs, err := c.Direct(client.All).Execute(ctx, `fmt.Println("hello"); 6 * 7`)
		check(t, err)
		want(t, rs[3].Stdout+rs[3].Text(), "hello\n42")
	}
	_, err = client.Connect(t.Context(), client.WithSSH("n1", "ssh", "-F", s.Config), client.WithProfileDir(p.Dir), client.WithClusterID("none"))
	if err == nil || !strings.Contains(err.Error(), "client: connect: tunnel: reach the controller by ssh n1: no controller is there") {
		t.Errorf("to a cluster that there is not: %v", err)
	}
}

// A copy of a connection file that names an ssh host is enough.
func TestSSHByFile(t *testing.T) {
	s := launchertest.NewSSHD(t)
	p, err := wire.NamedProfile("")
	check(t, err)
	conn, err := wire.ReadClientConnection(p.ClientFile(""))
	check(t, err)
	conn.SSH = "n1"
	file := t.TempDir() + "/copy.json"
	check(t, wire.WriteConnection(file, conn))
	c, err := client.Connect(t.Context(), client.WithFile(file)) // on the controller's host
	check(t, err)
	check(t, c.Close())
	c, err = client.Connect(t.Context(), client.WithFile(file), client.WithSSH("n1", "ssh", "-F", s.Config))
	check(t, err)
	want(t, len(c.IDs()), 4)
	check(t, c.Close())
}

// gated runs until the test lets it go.
var gate chan struct{}
var gated = engine.Func("ssh.Gated", func(ctx context.Context, i int) (int, error) {
	select {
	case <-gate:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return i, nil
})

// The connection breaks, and stays away while engines work: the client goes on as if
// it had not, with all that came meanwhile.
func TestSSHBreaks(t *testing.T) {
	for _, db := range []controller.DB{controller.Memory, controller.SQLite} {
		t.Run(string(db), func(t *testing.T) {
			const engines, tasks = 2, 1500
			ran.Clear()
			gate = make(chan struct{})
			s, m := launchertest.NewSSHD(t), newMortal(t, db, engines)
			told := slog.New(slog.NewTextHandler(&m.told, nil))
			c, ctx := behind(t, s, "n1", m.profile, client.WithLogger(told))
			check(t, c.WaitForEngines(ctx, engines))
			local, _ := m.connect(engines)

			v := c.Direct(client.All)
			cell := v.ExecuteAsync(`fmt.Println("before"); for i := 0; i < 40; i++ { time.Sleep(50*time.Millisecond); fmt.Println("line", i) }; 6*7`)
			held := c.LoadBalanced().ApplyAsync(gated, 1)
			var calls []*client.AsyncResult
			submit := func(n int) {
				for range n {
					calls = append(calls, c.LoadBalanced().ApplyAsync(once, len(calls)))
				}
			}
			submit(tasks)
			coalesced := c.Broadcast(client.All).With(client.Coalescing()).ApplyAsync(square, 3.0)
			for range cell.Outputs(ctx) { // one has said a word
				break
			}
			s.SetAway(t, true)
			s.Cut(t)
			submit(tasks / 10) // for when it is back, or lost with the connection
			close(gate)
			for ctx.Err() == nil {
				q, err := local.QueueStatus(ctx, client.All)
				check(t, err)
				left := q.Unassigned
				for _, e := range q.Engines {
					left += e.Queue + e.Tasks
				}
				if left == 0 {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			s.SetAway(t, false)

			values, err := held.Get(ctx)
			check(t, err)
			want(t, values, []any{1})
			for i, ar := range calls {
				if values, err := ar.Get(ctx); err != nil || values[0] != i {
					t.Fatalf("task %d of %d: %v, %v", i, len(calls), values, err)
				}
			}
			values, err = coalesced.Get(ctx)
			check(t, err)
			want(t, values, []any{9.0, 9.0})
			check(t, cell.Wait(ctx))
			rs := cell.Metadata()
			var lines strings.Builder
			for i := range 40 {
				fmt.Fprintln(&lines, "line", i)
			}
			for _, r := range rs {
				if r.Stdout != "before\n"+lines.String() || r.Text() != "42" || r.OutputLost {
					t.Errorf("engine %d: %q, %q, lost %v", r.Engine, r.Stdout, r.Text(), r.OutputLost)
				}
			}
			check(t, c.Err())

			// The controller ends, which ssh tells.
			m.kill()
			check(t, os.Remove(m.profile.ClientFile("")))
			if db == controller.Memory {
				if _, err := v.Apply(ctx, square, 2.0); !errors.Is(err, client.ErrGone) {
					t.Errorf("without a controller: %v", err)
				}
			}
		})
	}
}
