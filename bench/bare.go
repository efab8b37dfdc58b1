package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"muster/cluster"
	"muster/transport/zmq/bare"
	"muster/wire"
)

// PeerCommand is the first argument by which [Run] starts the running program
// again as a part of the bare cluster; the program then calls [Peer].
const PeerCommand = "bench-peer"

// Peer plays the part that args name until the process is killed:
//
//	router                  the bare router, which prints its two addresses
//	worker ADDR NAME        one of its workers
//	workers ADDR NAME...    many of them
//	engines N --profile-dir=DIR ...   simulated engines of the profile's cluster
func Peer(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "router":
		return bare.Router(func(clients, workers string) { fmt.Println(clients, workers) })
	case len(args) == 3 && args[0] == "worker":
		return bare.Worker(args[1], args[2])
	case len(args) > 2 && args[0] == "workers":
		return bare.Workers(args[1], args[2:])
	case len(args) > 2 && args[0] == "engines":
		n, err := strconv.Atoi(args[1])
		dir, ok := strings.CutPrefix(args[2], "--profile-dir=")
		if err == nil && ok {
			return simulate(wire.Profile{Dir: dir}, n)
		}
	}
	return fmt.Errorf("%s: unknown part %q", PeerCommand, args)
}

// A bareCluster is a bare router and workers in processes of their own, and a
// client of them here.
type bareCluster struct {
	client    *bare.Client
	workers   []string
	processes []*exec.Cmd
}

// startBare starts a router and n workers, each in a process of its own or all
// together in one.
func startBare(ctx context.Context, n int, together bool) (b *bareCluster, err error) {
	b = new(bareCluster)
	defer func() {
		if err != nil {
			b.stop()
		}
	}()
	self, err := os.Executable()
	if err != nil {
		return b, err
	}
	start := func(args ...string) (*bufio.Reader, error) {
		c := exec.CommandContext(ctx, self, append([]string{PeerCommand}, args...)...)
		c.Env = append(os.Environ(), cluster.Environment()...) // as the others have it
		c.Stderr = os.Stderr
		out, err := c.StdoutPipe()
		if err == nil {
			err = c.Start()
		}
		if err != nil {
			return nil, fmt.Errorf("bench: start bare %s: %w", args[0], err)
		}
		b.processes = append(b.processes, c)
		return bufio.NewReader(out), nil
	}
	out, err := start("router")
	if err != nil {
		return b, err
	}
	line, err := out.ReadString('\n')
	addrs := strings.Fields(line)
	if err != nil || len(addrs) != 2 {
		return b, fmt.Errorf("bench: the bare router said %q: %w", line, errors.Join(err))
	}
	for i := range n {
		b.workers = append(b.workers, fmt.Sprintf("worker-%d", i))
	}
	if together {
		if _, err := start(append([]string{"workers", addrs[1]}, b.workers...)...); err != nil {
			return b, err
		}
	} else {
		for _, name := range b.workers {
			if _, err := start("worker", addrs[1], name); err != nil {
				return b, err
			}
		}
	}
	if b.client, err = bare.Dial(addrs[0]); err != nil {
		return b, err
	}
	return b, b.client.Ready(b.workers...)
}

// pids are those of the router and, after it, of the workers.
func (b *bareCluster) pids() (pids []int) {
	for _, c := range b.processes {
		pids = append(pids, c.Process.Pid)
	}
	return pids
}

func (b *bareCluster) stop() {
	if b.client != nil {
		b.client.Close()
	}
	for _, c := range b.processes {
		c.Process.Kill()
		c.Wait()
	}
}

// roundTrips times n requests, one after the other.
func (b *bareCluster) roundTrips(n int, frames [][]byte) ([]time.Duration, error) {
	return times(n, func() error {
		_, err := b.client.RoundTrip(b.workers[0], frames)
		return err
	})
}

// times calls f n times and returns how long each call took.
func times(n int, f func() error) ([]time.Duration, error) {
	d := make([]time.Duration, n)
	for i := range d {
		start := time.Now()
		if err := f(); err != nil {
			return nil, err
		}
		d[i] = time.Since(start)
	}
	return d, nil
}
