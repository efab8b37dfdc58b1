package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// ErrNoController says that ssh is well, and the controller is not there.
var ErrNoController = errors.New("no controller is there")

// ErrLogin says that the host wants to be told something that ssh could not ask for
// or does not have: a password, a code, a key.
var ErrLogin = errors.New("the host lets nobody in without a key or a password that it takes")

// noFile is the error that there is no connection file, which says what there is.
func noFile(host string, a *answer) error {
	var there []string
	for _, file := range a.others {
		there = append(there, nameOf(file))
	}
	if len(there) == 0 {
		return fmt.Errorf("%w: %s has no %s: start a cluster there (ipcluster start --daemonize)", ErrNoController, host, a.missing)
	}
	return fmt.Errorf("%w: %s has no %s; there is %s", ErrNoController, host, a.missing, strings.Join(there, ", "))
}

var clientFile = regexp.MustCompile(`profile_([^/]+)/security/ipcontroller(?:-(.+))?-client\.json$`)

// nameOf is how a connection file's cluster is selected.
func nameOf(file string) string {
	m := clientFile.FindStringSubmatch(file)
	if m == nil {
		return path.Base(file)
	}
	name := "--profile " + m[1]
	if m[2] != "" {
		name += " --cluster-id " + m[2]
	}
	return name
}

// explain makes the error of a connection that was not made, or has ended: what ssh said,
// and what to do about it.
func (l *link) explain(ctx context.Context, cfg *Config, err error) error {
	if ctx.Err() == nil && (errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) || errors.Is(err, syscall.EPIPE)) {
		err = nil
		select { // what it said comes with its end
		case <-l.done:
		case <-ctx.Done():
		}
	}
	said := l.lastWords()
	try := strings.Join(slices.Concat(cfg.Command, []string{cfg.Destination, "true"}), " ")
	switch {
	case strings.Contains(said, "REMOTE HOST IDENTIFICATION HAS CHANGED"):
		return fmt.Errorf("the host shows another key than it used to: ask its site whether it has a new one; then remove the old one (ssh-keygen -R HOST) and accept the new (%s)", try)
	case strings.Contains(said, "Host key verification failed"):
		return fmt.Errorf("the host's key is not known: log in once by hand and compare it with what the site publishes (%s)", try)
	case strings.Contains(said, "Permission denied"), strings.Contains(said, "Too many authentication failures"):
		return fmt.Errorf("%w: %s: add a key to an agent (ssh-add), or keep a connection open that is used again (ControlMaster and ControlPath of ssh_config), so that this works: %s", ErrLogin, lastLine(said), try)
	case ctx.Err() != nil:
		err = context.Cause(ctx)
		if said != "" {
			err = fmt.Errorf("%w; ssh said: %s", err, lastLine(said))
		}
		return fmt.Errorf("no answer: %w: does this work: %s", err, try)
	case err != nil:
		return err
	case said == "" && l.err == nil:
		return fmt.Errorf("the shell of the host ended at once: does this work: %s", try)
	case said == "":
		return fmt.Errorf("ssh ended (%w): does this work: %s", l.err, try)
	}
	return fmt.Errorf("%s: does this work: %s", lastLine(said), try)
}

// lastWords are what ssh has printed, without what it says of itself.
func (l *link) lastWords() string {
	var lines []string
	for line := range strings.Lines(l.said.String()) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "Killed by signal") && !strings.HasPrefix(line, "Warning: Permanently added") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func lastLine(text string) string { return text[strings.LastIndexByte(text, '\n')+1:] }
