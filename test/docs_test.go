package test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestDocs walks every page as its reader would: the commands of its console
// blocks are typed one after the other into one shell, and what each prints
// must be what the page shows. On the page, "..." stands for anything, a line
// of its own for any number of lines.
func TestDocs(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, page := range append(pages, "../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			listings(t, string(text))
			if steps := console(string(text)); len(steps) > 0 {
				without(t, "MUSTER_MPI")
				if strings.Contains(string(text), "/usr/bin/python3") {
					needsPython(t)
				}
				s := newSite(t)
				if strings.Contains(string(text), loginNode) {
					s.behindSSH()
				}
				s.walk(steps)
			}
		})
	}
}

var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// listings checks that a program shown after "<!-- path -->" is that file.
func listings(t *testing.T, text string) {
	for _, m := range regexp.MustCompile("(?ms)^<!-- (\\S+\\.\\w+) -->\n```\\w*\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		file, err := os.ReadFile(filepath.Join("..", m[1]))
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(file), m[2]) {
			t.Errorf("the page shows %s differently from what it is:\n%s", m[1], m[2])
		}
	}
}

// A step is a command and what the page says it prints.
type step struct{ command, prints string }

func console(text string) (steps []step) {
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		if m[1] != "console" {
			continue
		}
		for line := range strings.Lines(m[2]) {
			if c, ok := strings.CutPrefix(line, "$ "); ok {
				steps = append(steps, step{command: c})
			} else if n := len(steps) - 1; n >= 0 {
				if strings.HasPrefix(line, "> ") { // a command that goes on
					steps[n].command += line[2:]
				} else {
					steps[n].prints += line
				}
			}
		}
	}
	return steps
}

func (s *site) walk(steps []step) {
	t := s.t
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	defer cancel()
	var script strings.Builder
	script.WriteString("set -e\nexec 2>&1\n")
	for _, st := range steps {
		// The marker parts what the commands print.
		script.WriteString("printf '\\n%s\\n' '" + marker + "'\n" + st.command + "\n")
	}
	c := exec.CommandContext(ctx, "bash", "-c", script.String())
	c.Env, c.Dir = append(s.env, "HOME="+s.dir, "PATH="+s.ssh+plain+":"+os.Getenv("PATH")), root
	// What was built and fetched before need not be again, for want of a home.
	caches, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatalf("go env: %v", err)
	}
	build, modules, _ := strings.Cut(strings.TrimSpace(string(caches)), "\n")
	c.Env = append(c.Env, "GOCACHE="+build, "GOMODCACHE="+modules)
	var out bytes.Buffer
	c.Stdout, c.WaitDelay = &out, 5*time.Second // a step may leave something running
	runErr := c.Run()
	printed := strings.Split(out.String(), "\n"+marker+"\n")[1:]
	for i, p := range printed {
		if i < len(printed)-1 || runErr == nil {
			if !shows(steps[i].prints, p) {
				t.Errorf("$ %s printed\n%s\nthe page shows\n%s", steps[i].command, p, steps[i].prints)
			}
		} else {
			t.Errorf("$ %s: %v\n%s", steps[i].command, runErr, p)
		}
	}
	if runErr != nil { // the page's own last step would have stopped the cluster
		stop := s.command("ipcluster", "stop", "--all")
		stop.Run()
	}
}

const marker = "----8<----"

// shows tells whether what was printed is what the page shows.
func shows(page, printed string) bool {
	page, printed = strings.TrimSpace(page), strings.TrimSpace(printed)
	pattern := regexp.QuoteMeta(page)
	pattern = regexp.MustCompile(`(?m)^\\\.\\\.\\\.$`).ReplaceAllString(pattern, `(?s:.*)`)
	pattern = strings.ReplaceAll(pattern, `\.\.\.`, `.*`)
	return regexp.MustCompile(`^` + pattern + `$`).MatchString(printed)
}

func TestShows(t *testing.T) {
	for _, c := range []struct {
		page, printed string
		want          bool
	}{
		{"a\nb", "a\nb\n", true},
		{"a\nb", "a\nc", false},
		{"pid ...", "pid 12", true},
		{"pid ...", "pid 12\nmore", false},
		{"a\n...\nz", "a\n1\n2\nz", true},
		{"...\nz", "a\n1\n2\nz", true},
		{"", "noise", false},
	} {
		if got := shows(c.page, c.printed); got != c.want {
			t.Errorf("page %q, printed %q: %v", c.page, c.printed, got)
		}
	}
}
