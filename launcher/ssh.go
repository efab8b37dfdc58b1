package launcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"muster/jobscripts"
)

// SSH starts copies as processes of other machines, by the user's own ssh: its
// configuration, keys, agents and jumps are as they are at a prompt. There is one
// connection to each host, which carries what its copies print, each host into one
// log; when it ends, however it does, its copies are told to end.
type SSH struct {
	Command Command
	Config  SSHConfig
	Number  string       // what goes before a copy's number in one more argument, as Local has it
	Runner  Runner       // nil is OS
	Log     *slog.Logger // nil is silence
}

// SSHConfig says which hosts there are: section [engines.ssh] of a profile.
type SSHConfig struct {
	// Hosts are what ssh calls them, with the number of engines on each: "node1:4" or
	// "me@node2:16"; without a number it is one.
	Hosts []string `toml:"hosts"`
	// Command is ssh and words for it, as in ["ssh", "-F", "cluster.conf"]; empty is ssh alone.
	Command []string `toml:"command"`
	// Program is the engine's program on the hosts; "" is the one that it is here.
	Program string `toml:"program"`
	// Setup is lines of shell that run before the engines, as in "module load openmpi".
	Setup []string `toml:"setup"`
}

// sshHost is the copies of one host: count of them, from number first on.
type sshHost struct {
	name         string
	first, count int
}

var sshHostForm = regexp.MustCompile(`^([A-Za-z0-9_][^\s:]*?)(?::(\d+))?$`)

// place puts n copies on the hosts, in their order; 0 is all that there are counts for.
func (c SSHConfig) place(n int) (hosts []sshHost, err error) {
	room := 0
	for _, text := range c.Hosts {
		m := sshHostForm.FindStringSubmatch(text)
		count := 1
		if m != nil && m[2] != "" {
			count, err = strconv.Atoi(m[2])
		}
		if m == nil || err != nil || count < 1 {
			return nil, fmt.Errorf("launcher: engines.ssh.hosts: %q: want a host, or a host and a number of engines as in \"node1:4\"; for a port of its own, name the host in ssh's configuration", text)
		}
		if n > 0 {
			count = min(count, n-room)
		}
		if count > 0 {
			hosts = append(hosts, sshHost{m[1], room, count})
		}
		room += count
	}
	switch {
	case len(c.Hosts) == 0:
		return nil, errors.New("launcher: engines.ssh.hosts names no host: want a list such as [\"node1:4\", \"node2:4\"]")
	case n > room:
		return nil, fmt.Errorf("launcher: %d engines do not fit on the hosts, which have room for %d (engines.ssh.hosts)", n, room)
	}
	return hosts, nil
}

func (c SSHConfig) validate(n int) error {
	_, err := c.place(n)
	return err
}

// count is how many copies there is room for; 0 if the hosts are not well said.
func (c SSHConfig) count() (n int) {
	hosts, err := c.place(0)
	if err != nil {
		return 0
	}
	for _, h := range hosts {
		n += h.count
	}
	return n
}

// sshWords are what every call of ssh is given: it asks nobody anything, does not
// wait for hosts that are away, and notices when one goes.
var sshWords = []string{"-T", "-x", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=15", "-o", "ClearAllForwardings=yes"}

// Remote is what it takes to reach the hosts of a job again.
type Remote struct {
	Command []string `json:"command"` // ssh and words for it
	Hosts   []string `json:"hosts"`
}

// on is the command that has a host's shell read a script.
func (r Remote) on(host, script string) Command {
	return Command{Args: slices.Concat(r.Command, sshWords, []string{"--", host, "exec /bin/sh -s"}), Input: script}
}

// Start implements [Launcher]. It returns when the copies have been started on all hosts.
func (s SSH) Start(ctx context.Context, n int) (Job, error) {
	hosts, err := s.Config.place(n)
	if err != nil {
		return nil, err
	}
	if s.Runner == nil {
		s.Runner = OS{}
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	remote := &Remote{Command: words(s.Config.Command, "ssh")}
	for _, h := range hosts {
		remote.Hosts = append(remote.Hosts, h.name)
	}
	j := newSSHJob(n, Handle{Mark: cmp.Or(s.Command.Mark, NewMark()), Remote: remote}, s.Runner)
	for _, h := range hosts {
		script, err := s.script(h, j.handle.Mark)
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			s.Log.Info("starting", "host", h.name, "copies", h.count)
			c := remote.on(h.name, script)
			c.Log = logFor(s.Command.Log, logName(h.name))
			err = j.start(h, c)
		}
		if errors.Is(err, exec.ErrNotFound) {
			err = fmt.Errorf("launcher: %s is not there: install it (Debian: openssh-client), or name it in the profile (engines.ssh.command): %w", remote.Command[0], err)
		}
		if err != nil {
			return nil, errors.Join(err, j.abandon(ctx))
		}
	}
	if err := j.begun(ctx); err != nil {
		return nil, errors.Join(err, j.abandon(ctx))
	}
	return j, nil
}

// Script returns what the shells of the hosts are given to read by a start of n
// copies, but for what is sent in secret.
func (s SSH) Script(n int) (string, error) {
	hosts, err := s.Config.place(n)
	if err != nil {
		return "", err
	}
	remote := Remote{Command: words(s.Config.Command, "ssh")}
	sent := s.Command.sends()
	s.Command.Send = nil
	var all strings.Builder
	for _, h := range hosts {
		script, err := s.script(h, cmp.Or(s.Command.Mark, NewMark()))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&all, "# %s\n", strings.Join(remote.on(h.name, "").Args, " "))
		for _, name := range sent {
			fmt.Fprintf(&all, "# and with %s in the environment\n", name)
		}
		all.WriteString(script)
	}
	return all.String(), nil
}

// logName is a host's name as part of a file's, where dots and "+" say what life and
// what set it is of: "@node1_site_org".
func logName(host string) string {
	return "@" + strings.Map(func(r rune) rune {
		if strings.ContainsRune("/*.+", r) {
			return '_'
		}
		return r
	}, host)
}

// script is what a host's shell is to do. Its input stays open as long as the
// launcher lives; the shell that reads it ends the copies when that ends.
func (s SSH) script(h sshHost, mark string) (string, error) {
	sent, err := s.Command.sent() // through the connection
	if err != nil {
		return "", fmt.Errorf("launcher: ssh: %w", err)
	}
	env := slices.Concat(s.Command.Env, sent, []string{markName + "=" + mark})
	program := s.Config.Program
	if program == "" {
		path, err := exec.LookPath(s.Command.Args[0])
		if err == nil {
			path, err = filepath.Abs(path)
		}
		if err != nil {
			return "", fmt.Errorf("launcher: ssh: %w", err)
		}
		program = path
	}
	dir, err := filepath.Abs(s.Command.Dir)
	if err != nil {
		return "", fmt.Errorf("launcher: ssh: working directory: %w", err)
	}
	var copies strings.Builder
	for i := h.first; i < h.first+h.count; i++ {
		args := append([]string{program}, s.Command.Args[1:]...)
		if s.Number != "" {
			args = append(args, s.Number+s.Command.number(i))
		}
		fmt.Fprintf(&copies, "run %d %s\n", i, jobscripts.Words(args))
	}
	var exports strings.Builder
	for _, v := range env {
		fmt.Fprintf(&exports, "export %s\n", jobscripts.Words([]string{v}))
	}
	return strings.NewReplacer(
		"DIR", jobscripts.Words([]string{dir}), "EXPORTS\n", exports.String(), "SETUP\n", lines(s.Config.Setup),
		"PROGRAM", jobscripts.Words([]string{program}), "COPIES\n", copies.String(), "MARK", mark,
	).Replace(sshScript), nil
}

func lines(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return strings.Join(list, "\n") + "\n"
}

// sshScript starts copies, says so, and says how each ends. It is one command, so
// that the shell has read all of it before anything runs.
const sshScript = `{
exec 3<&0 </dev/null
cd DIR 2>/dev/null || cd
EXPORTS
SETUP
command -v PROGRAM >/dev/null || { echo PROGRAM "is not on $(uname -n): put it there, or say where it is (engines.ssh.program)" >&2; exit 127; }
trap : TERM HUP INT
start() (
	trap : TERM HUP INT
	number=$1
	shift
	"$@" 3<&- 2>&1 &
	pid=$!
	echo "muster-MARK copy $number on $(uname -n) has pid $pid"
	while wait "$pid"; status=$?; kill -0 "$pid" 2>/dev/null; do :; done
	echo "muster-MARK copy $number ended $status"
)
copies=
run() { start "$@" 3<&- & copies="$copies $!"; }
# Whoever started this holds the other end. A shell that reads leaves no process behind.
(
	trap - TERM
	while read -r line <&3; do :; done
	trap : TERM
	kill -TERM 0
	sleep 5
	kill -KILL 0
) &
watch=$!
exec 3<&-
COPIES
for copy in $copies; do
	while wait "$copy"; kill -0 "$copy" 2>/dev/null; do :; done
done
kill -KILL "$watch" 2>/dev/null
exit 0
}
`
