package client

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"muster/wire"
)

// A wire that can be cut stands between a client and a controller, one for all ports.
type cuttable struct {
	t     *testing.T
	ports map[string]int // of the controller, by the address here
	file  string

	mu        sync.Mutex // guards what follows
	listeners []net.Listener
	conns     []net.Conn
	flows     sync.WaitGroup
}

func newCuttable(t *testing.T, p wire.Profile) *cuttable {
	conn, err := wire.ReadClientConnection(p.ClientFile(""))
	check(t, err)
	c := &cuttable{t: t, ports: make(map[string]int), file: filepath.Join(t.TempDir(), "cuttable.json")}
	for _, port := range []*int{
		&conn.Registration, &conn.Control, &conn.Mux, &conn.Task, &conn.IOPub, &conn.Notification, &conn.Broadcast,
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		c.ports[l.Addr().String()] = *port
		*port = l.Addr().(*net.TCPAddr).Port
		l.Close()
	}
	conn.Interface, conn.Addresses = "tcp://127.0.0.1", nil
	check(t, wire.WriteConnection(c.file, conn))
	c.mend()
	t.Cleanup(c.cut)
	return c
}

// mend lets connections through.
func (c *cuttable) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for address, port := range c.ports {
		l, err := net.Listen("tcp", address)
		check(c.t, err)
		c.listeners = append(c.listeners, l)
		c.flows.Go(func() {
			for {
				here, err := l.Accept()
				if err != nil {
					return
				}
				there, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
				if err != nil {
					here.Close()
					continue
				}
				c.mu.Lock()
				c.conns = append(c.conns, here, there)
				c.mu.Unlock()
				c.flows.Go(func() { io.Copy(here, there); here.Close() })
				c.flows.Go(func() { io.Copy(there, here); there.Close() })
			}
		})
	}
}

// cut ends all connections, with what is on its way.
func (c *cuttable) cut() {
	c.mu.Lock()
	for _, l := range c.listeners {
		l.Close()
	}
	for _, conn := range c.conns {
		conn.Close()
	}
	c.listeners, c.conns = nil, nil
	c.mu.Unlock()
	c.flows.Wait()
}

// A connection breaks for a moment while the controller lives on: answers that it had for
// the client meanwhile are had from its records, also from Python's.
func TestCut(t *testing.T) {
	for _, python := range []bool{false, true} {
		t.Run(fmt.Sprintf("python=%v", python), func(t *testing.T) {
			local := pythonCluster(t, python, 2)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			w := newCuttable(t, wire.Profile{Dir: filepath.Dir(filepath.Dir(local.source.file))})
			c, err := Connect(ctx, WithFile(w.file))
			check(t, err)
			defer c.Close()
			check(t, c.WaitForEngines(ctx, 2))
			cell := c.Direct(All).ExecuteAsync("import time; print('before', flush=True); time.sleep(1); print('after'); 6 * 7")
			task := c.LoadBalanced().ApplyAsync(Ref("abs"), -3)
			for range cell.Outputs(ctx) {
				break
			}
			w.cut()
			for q, err := local.QueueStatus(ctx, All); ; q, err = local.QueueStatus(ctx, All) {
				check(t, err)
				if q.Unassigned+q.Engines[0].Queue+q.Engines[0].Tasks+q.Engines[1].Queue+q.Engines[1].Tasks == 0 {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			w.mend()
			values, err := task.Get(ctx)
			check(t, err)
			equal(t, values, []any{3})
			check(t, cell.Wait(ctx))
			for _, r := range cell.Metadata() {
				equal(t, []any{r.Stdout, r.Text(), r.OutputLost}, []any{"before\nafter\n", "42", false})
			}
			value, err := c.LoadBalanced().Apply(ctx, Ref("abs"), -4)
			check(t, err)
			equal(t, value, any(4))
		})
	}
}
