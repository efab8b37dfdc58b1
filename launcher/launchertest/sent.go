package launchertest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/launcher"
)

// sentVar is the variable that a program is sent.
const sentVar = "MUSTER_TEST_SENT"

// secret is its value, and unseen a part of it that stands nowhere else. Shells, and
// files of options, could take it apart.
const (
	unseen = "b7e1" + "5162"
	secret = "{\n  \"key\": \"" + unseen + " it's $HOME; `no`\",\n  \"ports\": [1, 2]\n}"
)

// SendSuite tests that a launcher sends copies what [launcher.Command] is to send,
// and that command lines do not show it. The function makes a launcher for a command.
func SendSuite(t *testing.T, launcherOf func(t *testing.T, c launcher.Command) launcher.Launcher) {
	args, env := Command(t, Tell)
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := launcherOf(t, launcher.Command{Args: args, Env: env, Log: filepath.Join(dir, "tell-*.log"), Send: map[string]string{sentVar: file}})
	job, err := l.Start(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	reached(t, job, launcher.Ended)
	if got := strings.Count(job.Output(), "sent"); got != 2 || job.Err() != nil {
		t.Errorf("%d of 2 have what they were sent: %v\n%s", got, job.Err(), job.Output())
	}
	if s, ok := l.(interface{ Script(int) (string, error) }); ok {
		if script, err := s.Script(2); err != nil || strings.Contains(script, unseen) || !strings.Contains(script, sentVar) && strings.Contains(script, "\n#") {
			t.Errorf("the script (%v) shows what is sent, or does not say that it is:\n%s", err, script)
		}
	}
}

// tell says whether the program has what it was sent, and fails if a command line
// of this machine has it too.
func tell(out io.Writer) (err error) {
	defer func() {
		if err != nil {
			fmt.Fprintln(out, err)
		}
	}()
	if got := os.Getenv(sentVar); got != secret {
		return fmt.Errorf("got %q", got)
	}
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	for _, file := range lines {
		if line, err := os.ReadFile(file); err == nil && bytes.Contains(line, []byte(unseen)) {
			return fmt.Errorf("%s shows it: %q", file, line)
		}
	}
	fmt.Fprintln(out, "sent")
	return nil
}
