// Package scripttest plays scripts to machines: files of events, each with the
// machine's answer indented below it.
//
//	# a comment tells the story
//	up 1
//	submit a
//	  assign engine=1 task=a
//
// With -update, the answers are written instead of compared.
package scripttest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the answers of scripts instead of comparing them")

// Run plays each script testdata/*.txt to a machine of its own. begin makes one
// and returns what applies an event, given as words, and returns the answer.
func Run(t *testing.T, begin func(t *testing.T) func(words []string) (answer []string)) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts in testdata: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := play(string(text), begin(t))
			if got == string(text) {
				return
			}
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("%s: %s\n(go test -update writes the answers)", path, difference(string(text), got))
		})
	}
}

// play returns the script with the answers that the machine gives.
func play(script string, apply func(words []string) []string) string {
	var out strings.Builder
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "  ") {
			continue // an answer
		}
		out.WriteString(line + "\n")
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		for _, a := range apply(words) {
			out.WriteString("  " + a + "\n")
		}
	}
	return out.String()
}

// difference shows the first line in which two scripts differ, and the event
// above it.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	event := ""
	for i := range g {
		if !strings.HasPrefix(g[i], " ") {
			event = g[i]
		}
		if i >= len(w) || w[i] != g[i] {
			expected := "nothing"
			if i < len(w) {
				expected = w[i]
			}
			return "after " + event + "\nwant " + expected + "\ngot  " + g[i]
		}
	}
	return "the answer to " + event + " is shorter than expected"
}
