package bench

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"muster/client"
	"muster/controller"
	"muster/wire"
)

// Simulated engines are called through a real controller, by each of its
// channels. They run until the process ends.
func TestSimulatedEngines(t *testing.T) {
	const n = 20
	profile := wire.Profile{Dir: t.TempDir()}
	c, err := controller.New(controller.Config{Profile: profile})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	running, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(running) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	go func() {
		if err := simulate(profile, n); err != nil {
			panic(err)
		}
	}()
	cl, err := client.Connect(ctx, client.WithFile(profile.ClientFile("")))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.WaitForEngines(ctx, n); err != nil {
		t.Fatal(err)
	}
	values, err := cl.Direct(client.All).Apply(ctx, nothing)
	if want := make([]any, n); err != nil || fmt.Sprint(values) != fmt.Sprint(want) {
		t.Errorf("apply: %v, %v", values, err)
	}
	if _, err := cl.Direct(client.All).Execute(ctx, "1"); err != nil {
		t.Errorf("execute: %v", err)
	}
	if _, err := cl.LoadBalanced().Apply(ctx, nothing); err != nil {
		t.Errorf("load-balanced: %v", err)
	}
	if err := cl.Clear(ctx, client.All); err != nil {
		t.Errorf("control: %v", err)
	}
}

func TestReportText(t *testing.T) {
	r := Report{
		CPUs: 2, GoVersion: "go1.26", Load: 0.5,
		RoundTrip: &RoundTrip{Execute: Latency{400, 600}, Bare: Latency{200, 300}, ExecuteP50: 2},
		FanOut:    &FanOut{Engines: 256, Direct: Latency{11144, 16932}, Bare: Latency{8427, 12202}, DirectP50: 1.32},
	}
	text := r.String()
	for _, want := range []string{
		"2 CPUs, go1.26, load 0.50 before\n",
		"round trip of an empty cell                    400 µs (600)    200 µs (300)      2.00\n",
		"empty apply on 256 engines, as many messages   11.1 ms (16.9)  8427 µs (12202)   1.32\n",
	} {
		if squeezed := strings.Join(strings.Fields(want), " "); !strings.Contains(strings.Join(strings.Fields(text), " "), squeezed) {
			t.Errorf("no %q in\n%s", squeezed, text)
		}
	}
	if strings.Contains(text, "resident") {
		t.Errorf("what was not measured is reported:\n%s", text)
	}
}

func TestPartsAreChecked(t *testing.T) {
	c := Config{Only: []string{"push", "nonsense"}}
	if err := c.defaults(); err == nil || !strings.Contains(err.Error(), `"nonsense"`) || !strings.Contains(err.Error(), "fan-out") {
		t.Error(err)
	}
}

func TestPeakMemory(t *testing.T) {
	if _, err := watchPeak(1 << 30); err == nil {
		t.Error("a process that does not exist was watched")
	}
	growth, err := watchPeak(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 64<<20)
	for i := range block {
		block[i] = 1
	}
	mb, err := growth()
	if err != nil || mb < 60 || mb > 1000 { // the race detector has a share of its own
		t.Errorf("64 MiB made the peak grow by %.0f MB, %v", mb, err)
	}
}
