package client_test

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"muster/client"
	"muster/controller"
	"muster/transport/reach"
	"muster/wire"
)

// A controller that is killed comes back on other addresses of its machine. Its
// engines and its clients read in the files where that is, and find the one that
// answers.
func TestControllerMoves(t *testing.T) {
	const engines = 2
	m := newMortalAt(t, "127.0.0.2,127.0.0.3", controller.SQLite, engines)
	c, ctx := m.connect(engines)
	ids := c.IDs()
	v := c.Direct(client.All)
	check(t, v.Push(ctx, map[string]any{"kept": 7}))
	for _, ip := range []string{"127.0.0.3,127.0.0.4", "127.0.0.5", "127.0.0.6,127.0.0.2"} {
		under := v.ExecuteAsync("kept++")
		m.kill()
		m.ip = ip
		m.start()
		_, err := under.Get(ctx)
		check(t, err)
		want(t, c.IDs(), ids)
	}
	rs, err := v.Pull(ctx, "kept")
	check(t, err)
	want(t, rs[1]["kept"], 10)
}

// A client tries all addresses of a file side by side.
func TestConnectToOneOfSeveral(t *testing.T) {
	m := newMortal(t, controller.Memory, 1)
	m.connect(1)
	conn, err := wire.ReadClientConnection(m.profile.ClientFile(""))
	check(t, err)
	file := filepath.Join(t.TempDir(), "ipcontroller-client.json")
	for _, addresses := range [][]string{{"127.0.0.8", "127.0.0.1"}, {"127.0.0.8"}} {
		conn.Interface, conn.Addresses = "tcp://127.0.0.9", addresses
		check(t, wire.WriteConnection(file, conn))
		c, err := client.Connect(t.Context(), client.WithFile(file))
		if len(addresses) == 2 {
			check(t, err)
			check(t, c.Close())
			continue
		}
		var tried *reach.Error
		if !errors.As(err, &tried) || !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "tcp://127.0.0.8:") {
			t.Errorf("nobody listens: %v", err)
		}
	}
}
