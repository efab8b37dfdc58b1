package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/wire"
)

// A forward is a socket here that leads to a port there.
type forward struct {
	socket, host string
	port         int
}

// word is the forward as ssh has it after -L. A colon in a path is escaped.
func (f forward) word() string {
	host := f.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return strings.ReplaceAll(f.socket, ":", `\:`) + ":" + host + ":" + strconv.Itoa(f.port)
}

// localBase begins the names of a tunnel's sockets: what is at "tcp://HOST:PORT"
// elsewhere is at "ipc://FOLDER/c:NUMBER" here, so that a connection file tells
// it in the same way, also to a client of Python.
const localBase = "c"

// forward has the ports of a controller forwarded, where they are not yet.
// The caller holds mu.
func (t *Tunnel) forward(ctx context.Context, remote *wire.ClientConnection) error {
	l := t.link
	host, err := t.choose(ctx, remote)
	if err != nil {
		return err
	}
	local := *remote
	local.Endpoint = local.At(t.dir.file(localBase)).Endpoint
	local.SSH, local.Via = "", t.cfg.Destination
	var want []forward
	for i, port := range []*int{
		&local.Registration, &local.Control, &local.Mux, &local.Task, &local.IOPub, &local.Notification, &local.Broadcast,
	} {
		want = append(want, forward{t.dir.file(localBase + ":" + strconv.Itoa(i+1)), host, *port})
		*port = i + 1
	}
	if !slices.Equal(want, t.open) {
		l.cancel(ctx, t.cfg.Command, t.open)
		t.open = nil
		if err := l.request(ctx, t.cfg.Command, want); err != nil {
			return err
		}
		t.open = want
	}
	if err := l.knock(ctx, want[0]); err != nil {
		return l.unreached(remote, host, err)
	}
	t.local = local
	return nil
}

// choose finds the address of the controller that is reached from the other end.
func (t *Tunnel) choose(ctx context.Context, remote *wire.ClientConnection) (string, error) {
	hosts := t.link.hosts(remote)
	if len(hosts) == 1 {
		return hosts[0], nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var tries []forward
	for i, host := range hosts {
		tries = append(tries, forward{t.dir.file("try:" + strconv.Itoa(i)), host, remote.Registration})
	}
	defer t.link.cancel(context.WithoutCancel(ctx), t.cfg.Command, tries)
	if err := t.link.request(ctx, t.cfg.Command, tries); err != nil {
		return "", err
	}
	type outcome struct {
		host string
		err  error
	}
	outcomes := make(chan outcome, len(tries))
	for _, f := range tries {
		go func() { outcomes <- outcome{f.host, t.link.knock(ctx, f)} }()
	}
	var failures []error
	for range tries {
		o := <-outcomes
		if o.err == nil {
			return o.host, nil
		}
		failures = append(failures, t.link.unreached(remote, o.host, o.err))
	}
	return "", errors.Join(failures...)
}

// hosts are where a controller may be found from the other end.
func (l *link) hosts(conn *wire.ClientConnection) []string {
	if sameHost(conn.Location, l.host) {
		return conn.HostsFrom(conn.Location)
	}
	return conn.HostsFrom(l.host)
}

// sameHost compares names of hosts, of which one may lack its domain.
func sameHost(a, b string) bool {
	if strings.Contains(a, ".") != strings.Contains(b, ".") {
		a, _, _ = strings.Cut(a, ".")
		b, _, _ = strings.Cut(b, ".")
	}
	return strings.EqualFold(a, b)
}

// request asks ssh to forward.
func (l *link) request(ctx context.Context, command []string, forwards []forward) error {
	for _, f := range forwards {
		os.Remove(f.socket) // which an ssh that was killed may have left
	}
	if l.shared != "" {
		l.forwards = shellWords(l.controlling(command, "cancel", forwards)) + " >/dev/null 2>&1"
		if err := l.guard(); err != nil {
			return err
		}
	}
	args := l.controlling(command, "forward", forwards)
	ctx, cancel := context.WithTimeout(ctx, controlLimit)
	defer cancel()
	if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("ssh does not forward: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// cancel takes forwards back.
func (l *link) cancel(ctx context.Context, command []string, forwards []forward) {
	if len(forwards) == 0 || l.ended() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, controlLimit)
	defer cancel()
	args := l.controlling(command, "cancel", forwards)
	exec.CommandContext(ctx, args[0], args[1:]...).Run() // or they go with the connection
	for _, f := range forwards {
		os.Remove(f.socket)
	}
}

// controlling is a command to the ssh that has the connection. It reads no configuration,
// which may name other forwards.
func (l *link) controlling(command []string, what string, forwards []forward) []string {
	args := slices.Concat(command, []string{"-F", "none", "-S", strings.ReplaceAll(l.control, "%", "%%"), "-O", what})
	for _, f := range forwards {
		args = append(args, "-L", f.word())
	}
	return append(args, "--", "controller")
}

func shellWords(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = quote(a)
	}
	return strings.Join(quoted, " ")
}

// knockLimit is how long a controller has to greet: ZeroMQ's sockets begin.
const knockLimit = 20 * time.Second

// knock finds out whether somebody who speaks ZMTP is at the end of a forward.
func (l *link) knock(ctx context.Context, f forward) error {
	ctx, cancel := context.WithTimeout(ctx, knockLimit)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", f.socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var first [1]byte
	switch _, err := io.ReadFull(conn, first[:]); {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("nobody has greeted: %w", context.Cause(ctx))
	case err != nil:
		return errRefused
	case first[0] != 0xff: // RFC 23: the signature of a greeting
		return errors.New("another program listens there")
	}
	return nil
}

// errRefused says that the other end was not let through, or found nobody.
var errRefused = errors.New("the connection was closed at once")

// unreached is the error of a controller that is not found where its file says.
func (l *link) unreached(remote *wire.ClientConnection, host string, err error) error {
	at := net.JoinHostPort(host, strconv.Itoa(remote.Registration))
	said := l.lastWords()
	switch loopback := net.ParseIP(host).IsLoopback(); {
	case strings.Contains(said, "administratively prohibited"):
		return fmt.Errorf("%s does not let ssh forward connections (AllowTcpForwarding): ask its site for a host that does, or run the client there", l.host)
	case loopback && remote.Location != "" && !sameHost(remote.Location, l.host):
		return fmt.Errorf("%w: it runs on %s and listens on the loopback of that host alone, and ssh leads to %s: name %s in the destination, or start the cluster with --ip 0.0.0.0",
			ErrNoController, remote.Location, l.host, remote.Location)
	case loopback:
		return fmt.Errorf("%w: the file on %s is stale, nobody listens at %s there (%w): start a cluster anew (ipcluster start)", ErrNoController, l.host, at, err)
	}
	return fmt.Errorf("%w: nobody is reached at %s from %s (%w): the cluster has ended, or a firewall stands between", ErrNoController, at, l.host, err)
}
