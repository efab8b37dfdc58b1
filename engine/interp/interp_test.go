package interp

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata/*.txt")

func newInterp(t testing.TB, cfg Config) *Interp {
	t.Helper()
	in, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// TestScripts plays testdata/*.txt. A cell stands between a line "cell" and a
// line "----"; what follows, up to an empty line, is what it printed, its value
// and its traceback. One script is one namespace.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(b))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(b) {
				t.Errorf("answers differ; run with -update and read the diff:\n%s", firstDifference(string(b), got))
			}
		})
	}
}

func play(t *testing.T, script string) string {
	var out, printed strings.Builder
	in := newInterp(t, Config{Stdout: &printed, Stderr: &printed})
	sc := bufio.NewScanner(strings.NewReader(script))
	n := 0
	for sc.Scan() {
		line := sc.Text()
		out.WriteString(line + "\n")
		if line != "cell" {
			continue
		}
		var src []string
		for sc.Scan() && sc.Text() != "----" {
			src = append(src, sc.Text())
			out.WriteString(sc.Text() + "\n")
		}
		out.WriteString("----\n")
		for sc.Scan() && sc.Text() != "" {
		}
		n++
		printed.Reset()
		r, err := in.Exec(context.Background(), Cell{Name: fmt.Sprintf("In[%d]", n), Source: strings.Join(src, "\n")})
		if s := printed.String(); s != "" {
			out.WriteString(strings.TrimSuffix(s, "\n") + "\n")
		}
		if err != nil {
			out.WriteString(strings.Join(err.(*Error).Traceback, "\n") + "\n")
		} else if r.HasValue {
			fmt.Fprintf(&out, "= %v (%T)\n", r.Value, r.Value)
		}
		out.WriteString("\n")
	}
	return out.String()
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range w {
		if i >= len(g) || w[i] != g[i] {
			return fmt.Sprintf("line %d:\n%s\ninstead of\n%s", i+1, strings.Join(g[min(i, len(g)):min(i+8, len(g))], "\n"), strings.Join(w[i:min(i+8, len(w))], "\n"))
		}
	}
	return "more lines"
}
