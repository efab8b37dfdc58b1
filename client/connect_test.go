package client

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster/wire"
)

// Each way in which a connection cannot be made is one error that names the
// file, the address where there is one, and what to do.
func TestConnectErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		check(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	gone := free.Addr().(*net.TCPAddr).Port
	free.Close()

	conn := wire.ClientConnection{Notification: gone, Broadcast: gone}
	conn.Endpoint = wire.Endpoint{
		Interface: "tcp://127.0.0.1", Registration: gone, Control: gone, Mux: gone, Task: gone, IOPub: gone,
		Key: testKey, Pack: "json", Unpack: "json", SignatureScheme: wire.SignatureScheme,
	}
	stale := filepath.Join(dir, "stale.json")
	check(t, wire.WriteConnection(stale, &conn))
	conn.SSH, conn.Location = "login.example", "elsewhere"
	tunnel := filepath.Join(dir, "tunnel.json")
	check(t, wire.WriteConnection(tunnel, &conn))

	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"missing":  {filepath.Join(dir, "missing.json"), []string{"missing.json", "ipcluster start"}},
		"not JSON": {write("garbage.json", "ceci n'est pas du JSON"), []string{"garbage.json", "not a connection file"}},
		"truncated": {write("half.json", `{"interface": "tcp://127.0.0.1", "regis`),
			[]string{"half.json", "not a connection file"}},
		"of an engine": {write("engine.json", `{"interface": "tcp://127.0.0.1", "registration": 1, "control": 1, "mux": 1,
			"task": 1, "iopub": 1, "pack": "json", "unpack": "json", "signature_scheme": "hmac-sha256", "broadcast": [1]}`),
			[]string{"engine.json", "broadcast"}},
		"stale":  {stale, []string{stale, "tcp://127.0.0.1:", "stale", "ipcluster start"}},
		"tunnel": {tunnel, []string{tunnel, "ssh login.example", "does this work"}},
	} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			_, err := Connect(t.Context(), WithFile(c.file))
			if err == nil {
				t.Fatal("connected")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			if took := time.Since(begun); took >= connectTimeout {
				t.Errorf("it took %v to find out", took)
			}
		})
	}
}

// Somebody listens, but does not know the key: the default bound ends the wait.
func TestConnectWrongKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(t, 1)
		defer f.close()
		f.session = wire.NewSession("another key", "")
		begun := time.Now()
		_, err := Connect(t.Context(), WithFile(f.file), WithNetwork(f.network))
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "key") || !strings.Contains(err.Error(), f.file) {
			t.Errorf("error is %v", err)
		}
		equal(t, time.Since(begun), connectTimeout)
	})
}

func TestConnectCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster(t, 1)
		defer f.close()
		f.mute = true
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		_, err := Connect(ctx, WithFile(f.file), WithNetwork(f.network))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
		equal(t, time.Since(begun), time.Second)
	})
}

func TestConnectionFile(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		opts []Option
		want string
	}{
		{nil, nil, "/ipython/profile_default/security/ipcontroller-client.json"},
		{nil, []Option{WithProfile("mpi")}, "/ipython/profile_mpi/security/ipcontroller-client.json"},
		{nil, []Option{WithProfile("mpi"), WithClusterID("7")}, "/ipython/profile_mpi/security/ipcontroller-7-client.json"},
		{nil, []Option{WithProfileDir("/p")}, "/p/security/ipcontroller-client.json"},
		{nil, []Option{WithFile("/f.json"), WithProfile("mpi")}, "/f.json"},
		{map[string]string{"IPP_PROFILE_DIR": "/env", "IPP_CLUSTER_ID": "e"}, nil, "/env/security/ipcontroller-e-client.json"},
		{map[string]string{"IPP_PROFILE_DIR": "/env"}, []Option{WithProfile("mpi")}, "/ipython/profile_mpi/security/ipcontroller-client.json"},
		{map[string]string{"IPP_CLUSTER_ID": "e"}, []Option{WithClusterID("o")}, "/ipython/profile_default/security/ipcontroller-o-client.json"},
	} {
		for _, name := range []string{"IPP_PROFILE_DIR", "IPP_CLUSTER_ID"} {
			t.Setenv(name, c.env[name])
		}
		t.Setenv("IPYTHONDIR", "/ipython")
		var o options
		for _, opt := range c.opts {
			opt(&o)
		}
		got, err := o.path()
		check(t, err)
		equal(t, got, c.want)
	}
	t.Setenv("IPYTHONDIR", t.TempDir())
	if _, err := Connect(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("connect without a cluster: %v", err)
	}
}
