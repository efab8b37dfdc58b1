package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func endpoint() Endpoint {
	return Endpoint{Interface: "tcp://127.0.0.1", Registration: 1001, Control: 1002, Mux: 1003, Task: 1004, IOPub: 1005,
		Key: "k", Location: "login1", Pack: "json", Unpack: "json", SignatureScheme: SignatureScheme}
}

func TestConnectionFiles(t *testing.T) {
	dir := t.TempDir()
	client := &ClientConnection{Endpoint: endpoint(), Notification: 1006, TaskScheme: "leastload", Broadcast: 1007}
	engine := &EngineConnection{Endpoint: endpoint(), Broadcast: []int{1, 2}, HBPing: 1008, HBPong: 1009}
	cpath, epath := filepath.Join(dir, "c.json"), filepath.Join(dir, "e.json")
	for path, v := range map[string]any{cpath: client, epath: engine} {
		if err := WriteConnection(path, v); err != nil {
			t.Fatal(err)
		}
		if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", path, fi.Mode(), err)
		}
	}
	c, err := ReadClientConnection(cpath)
	if err != nil || !reflect.DeepEqual(c, client) {
		t.Errorf("client: %+v, %v", c, err)
	}
	e, err := ReadEngineConnection(epath)
	if err != nil || !reflect.DeepEqual(e.Endpoint, engine.Endpoint) || len(e.Broadcast) != 2 || e.HBPong != 1009 {
		t.Errorf("engine: %+v, %v", e, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	// Python reads every key, also the null one.
	b, _ := os.ReadFile(cpath)
	var keys map[string]any
	if err := json.Unmarshal(b, &keys); err != nil {
		t.Fatal(err)
	}
	for _, k := range strings.Fields("ssh interface registration control mux task iopub notification task_scheme broadcast key curve_serverkey location pack unpack signature_scheme") {
		if _, ok := keys[k]; !ok {
			t.Errorf("key %q is missing", k)
		}
	}
}

func TestConnectionErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ipcontroller-client.json")
	if _, err := ReadClientConnection(path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "controller") {
		t.Errorf("missing: %v", err)
	}
	good, _ := json.Marshal(ClientConnection{Endpoint: endpoint(), Notification: 1006, Broadcast: 1007})
	for name, c := range map[string]struct{ content, want string }{
		"empty":       {"", "not a connection file"},
		"not JSON":    {"mux = 4", "not a connection file"},
		"a list":      {"[]", "not a connection file"},
		"no keys":     {"{}", "interface"},
		"no port":     {strings.Replace(string(good), `"mux":1003`, `"mux":0`, 1), `"mux"`},
		"huge port":   {strings.Replace(string(good), `"mux":1003`, `"mux":70000`, 1), `"mux"`},
		"other hash":  {strings.Replace(string(good), SignatureScheme, "hmac-md5", 1), "hmac-md5"},
		"pickle":      {strings.Replace(string(good), `"pack":"json"`, `"pack":"pickle"`, 1), "pickle"},
		"no host":     {strings.Replace(string(good), "tcp://127.0.0.1", "127.0.0.1", 1), "interface"},
		"engine file": {strings.Replace(string(good), `"broadcast":1007`, `"broadcast":[1,2]`, 1), "broadcast"},
		"too large":   {strings.Repeat(" ", maxConnectionFile+1), "larger than"},
	} {
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadClientConnection(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v; want it to name %q and the file", name, err, c.want)
		}
	}
}

func TestTargetIsAPair(t *testing.T) {
	b, err := json.Marshal([]Target{{"u", 3}})
	if err != nil || string(b) != `[["u",3]]` {
		t.Fatalf("%s, %v", b, err)
	}
	var back []Target
	if err := json.Unmarshal(b, &back); err != nil || back[0] != (Target{"u", 3}) {
		t.Fatalf("%v, %v", back, err)
	}
}

func TestFailureHasEveryKey(t *testing.T) {
	b, err := json.Marshal(Failure("KeyError", "'No such message: x'"))
	want := `{"status":"error","ename":"KeyError","evalue":"'No such message: x'","traceback":[],"engine_info":{}}`
	if err != nil || string(b) != want {
		t.Fatalf("%s, %v", b, err)
	}
}

func TestProfile(t *testing.T) {
	root := t.TempDir()
	t.Setenv("IPYTHONDIR", root)
	p, err := NamedProfile("")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(root, "profile_default", "security", "ipcontroller-x-engine.json"); p.EngineFile("x") != want {
		t.Errorf("engine file %s, want %s", p.EngineFile("x"), want)
	}
	for _, d := range []string{"security", "pid"} {
		if fi, err := os.Stat(filepath.Join(p.Dir, d)); err != nil || fi.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", d, fi, err)
		}
	}
}

func FuzzConnection(f *testing.F) {
	c, _ := json.Marshal(ClientConnection{Endpoint: endpoint(), Notification: 1, Broadcast: 2})
	e, _ := json.Marshal(EngineConnection{Endpoint: endpoint(), Broadcast: []int{1}, HBPing: 1, HBPong: 2})
	f.Add(c)
	f.Add(e)
	f.Add([]byte(strings.Replace(string(c), `"ssh"`, `"addresses":["10.0.0.1","fd00::1","127.0.0.1","login1"],"ssh"`, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ParseClientConnection(b); err == nil {
			for _, host := range c.Hosts() {
				at := c.At(host)
				if url, err := url.Parse(at.URL(c.Mux)); host != c.Location && (err != nil || url.Hostname() != host || url.Port() != fmt.Sprint(c.Mux)) {
					t.Fatalf("host %q is at %v: %v", host, url, err)
				}
			}
			if !strings.HasSuffix(c.URL(c.Mux), fmt.Sprintf(":%d", c.Mux)) || len(c.Hosts()) > MaxAddresses+2 {
				t.Fatalf("URL %s, of %d", c.URL(c.Mux), len(c.Hosts()))
			}
		}
		if e, err := ParseEngineConnection(b); err == nil && len(e.Broadcast) == 0 {
			t.Fatal("accepted without a broadcast port")
		}
	})
}
