package engine

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"muster/wire"
)

func writeFile(t *testing.T, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What the startup file defines is there before the first request, and again
// after a restart; and the engine tells which process it is.
func TestStartup(t *testing.T) {
	c := newController(t, realNetwork(t))
	file := writeFile(t, "startup.go", "import `math`\nhalf := math.Sqrt(0.25)\nfunc double(x float64) float64 { return 2 * x }\n")
	p := &process{engineRun: &engineRun{c: c, id: 7}}
	p.cmd, p.log = command(t, []string{jobVar + "=mark"}, "--file", c.file, "--timeout=60", "--IPEngine.startup_script="+file, "--work-dir", t.TempDir())
	for range 2 {
		ev := c.next("registration")
		var reg wire.Registration
		host, _ := os.Hostname()
		if err := json.Unmarshal(ev.Content, &reg); err != nil || reg.EngineProcess != (wire.EngineProcess{Host: host, PID: p.cmd.Process.Pid, Job: "mark"}) {
			t.Errorf("registers with %s, %v", ev.Content, err)
		}
		c.kept = append(c.kept, ev)
		c.accept(p.engineRun)
		if got := p.value(p.apply("func() float64 { return double(half) }")); got != 1.0 {
			t.Errorf("double(half) is %v", got)
		}
		p.reply(p.execute("half = 3"))
		p.reply(p.request("shutdown_request", map[string]any{"restart": true}))
		c.next("registration") // it leaves
	}
}

// An engine whose startup file fails does not register, and says where it fails.
func TestStartupFails(t *testing.T) {
	for text, want := range map[string]string{
		"a := 1\nb := nothing\n":                    "CompileError: undefined: nothing\n  ",
		"panic(`no data`)":                          "PanicError: no data\n  ",
		"package main\nfunc main() { panic(`no`) }": "PanicError: no\n  ",
	} {
		path := writeFile(t, "startup.go", text)
		wantError(t, fail(t, Config{ConnectionFile: "never looked for", Startup: path}), "engine: startup: ", "startup.go: "+want, "line ")
	}
	wantError(t, fail(t, Config{ConnectionFile: "never looked for", Startup: "no/such.go"}), "engine: startup: ", "no/such.go")
}
