package engine

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"strings"
	"testing"

	"muster/wire"
)

// prints checks what an expression is.
func (r *engineRun) prints(expr, want string) {
	r.c.tb.Helper()
	if got := r.value(r.apply("func() any { return fmt.Sprintln(" + expr + ") }")); got != want+"\n" {
		r.c.tb.Errorf("%s is %q, want %q", expr, got, want)
	}
}

// A namespace that was saved by one engine is that of the next with its id.
func TestSaved(t *testing.T) {
	dir := t.TempDir()
	id := wire.EngineID(7)
	r := newEngine(t, Config{ID: &id})
	for _, code := range []string{
		"m := mat.NewDense(2, 2, []float64{1, 2, 3, 4}); names := []string{`a`, `b`}; n := int32(7); i32 := numeric.New([]int32{1, 2}, 1, 2); row := numeric.New([]int32{5}, 1)",
		"var when time.Duration = 3; where := map[string][]float64{`x`: {1}}; var nothing any",
		"type pair struct{ X int }; p := pair{1}; ch := make(chan int); point := struct{ X, Y int }{1, 2}; const k = 5; h := func() int { return 1 }",
		"func twice(x float64) float64 { return times(x, 2) }\nfunc times(x, y float64) float64 { return x * y * m.At(0, 0) }",
	} {
		if _, c := r.reply(r.execute(code)); c.Status != wire.StatusOK {
			t.Fatalf("%s: %s: %s", code, c.Ename, c.Evalue)
		}
	}
	r.prints("checkpoint.File(`"+dir+"`)", dir+"/engine-7")
	_, errs, _ := r.output(r.execute("if err := checkpoint.Save(checkpoint.File(`" + dir + "`)); err != nil { panic(err) }"))
	for _, left := range []string{"checkpoint: not saved: ", "ch (pickle: ", "h (pickle: ", "k (a constant)", "p (of the type pair, which is of the interpreter)", "point (of the type struct{X int; Y int}, which is of the interpreter)", "pair (a type)", "\ncheckpoint: saved as another type: row (a *numeric.Array, as []int32)\n"} {
		if !strings.Contains(errs, left) {
			t.Errorf("of what is not saved it is told %q, want %q in it", errs, left)
		}
	}

	next := newEngine(t, Config{ID: &id})
	next.reply(next.execute("names := 1; func times(x, y float64) float64 { return -1 }"))
	if _, c := next.reply(next.execute("if err := checkpoint.Load(checkpoint.File(`" + dir + "`)); err != nil { panic(err) }")); c.Status != wire.StatusOK {
		t.Fatalf("load: %s: %s", c.Ename, c.Evalue)
	}
	next.prints("mat.Sum(m), names, n, i32.Shape(), when, where[`x`][0], nothing, twice(1), row[0]", "10 [a b] 7 [1 2] 3ns 1 <nil> -1 5")
	next.prints("fmt.Sprintf(`%T %T %T %T`, m, names, n, when)", "*mat.Dense []string int32 time.Duration")
	next.prints("errors.Is(checkpoint.Load(`"+dir+"/none`), fs.ErrNotExist)", "true")
	// As functions that clients call.
	if v := next.value(next.apply("checkpoint.Save", dir+"/other")); v != nil {
		t.Errorf("saved: %v", v)
	}
	next.failsWith(next.apply("checkpoint.Load", dir+"/none"), "*fmt.wrapError", "no such file")
}

// A file that is none, or in which a variable is none, is refused, and nothing is
// changed.
func TestLoadRefused(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/engine-7"
	r := newEngine(t, Config{})
	r.reply(r.execute("a := 1"))
	r.value(r.apply("checkpoint.Save", path))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b = b[:len(b)-4]
	b[len(b)-1] ^= 0xff // the end of a pickle
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	r.reply(r.execute("a = 2"))
	for _, x := range []struct{ path, want string }{
		{path, "engine-7: variable a: pickle: receive "},
		{os.Args[0], "not a checkpoint, or a damaged one: it does not begin as one"},
		{dir, "is a directory"},
	} {
		_, c := r.reply(r.apply("checkpoint.Load", x.path))
		if c.Status != wire.StatusError || !strings.Contains(c.Evalue, x.want) {
			t.Errorf("%s: %+v, want %q", x.path, c, x.want)
		}
	}
	r.prints("a", "2")
}

// Before it is registered an engine has the id that it asks for, or none.
func TestCheckpointWithoutID(t *testing.T) {
	dir := t.TempDir()
	file := dir + "/startup.go"
	if err := os.WriteFile(file, []byte("checkpoint.Load(checkpoint.File(`"+dir+"`))"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, log := command(t, nil, "--file=f", "--startup="+file)
	ends(cmd)
	if status := cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(log.String(), "the engine has no id before it is registered: start it with one") {
		t.Errorf("status %d: %s", status, log)
	}
}
