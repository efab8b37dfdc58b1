package tunnel

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"muster/wire"
)

// remoteScript is what the shell at the other end reads. It answers a line by what is in
// the connection file now, and ends with its input. What login scripts print
// has no mark. It is one command, so that the shell has read all of it before
// anything runs.
const remoteScript = `{
cd || exit
say() { printf '%s %s\n' MARK "$*"; }
root=ROOT
profile=PROFILE
file=$profile/security/FILE
say host "$(uname -n)"
while read -r question; do
	if [ -f "$file" ]; then
		if [ -r "$file" ]; then
			say file "$file"
			head -c LIMIT "$file"
			echo
		else
			say unreadable "$file"
		fi
	else
		say missing "$file"
		for other in "$root"/profile_*/security/ipcontroller*-client.json; do
			if [ -f "$other" ]; then say other "$other"; fi
		done
	fi
	say end
done
exit
}
`

// script is the remote one for a cluster.
func (c *Config) script(mark string) string {
	root := `${IPYTHONDIR:-$HOME/.ipython}`
	if c.IPythonDir != "" {
		root = quote(c.IPythonDir)
	}
	profile := `$root/profile_` + quote(orDefault(c.Profile))
	if c.ProfileDir != "" {
		profile = quote(c.ProfileDir)
	}
	file := path.Base(wire.Profile{}.ClientFile(c.ClusterID))
	return strings.NewReplacer("MARK", mark, "ROOT", root, "PROFILE", profile, "FILE", quote(file), "LIMIT", fmt.Sprint(maxFile+1)).Replace(remoteScript)
}

func orDefault(profile string) string {
	if profile == "" {
		return "default"
	}
	return profile
}

// quote makes one word of text for a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

const (
	maxFile  = 1 << 20   // of a connection file
	maxNoise = 256 << 10 // of what else is printed before an answer ends
)

// An answer is what the shell at the other end has said, up to a line of its own kind.
type answer struct {
	host, file, missing, unreadable string
	others                          []string // connection files that there are
	content                         []byte
}

// readAnswer reads until a line of the mark begins with the word. Lines without a mark
// are content after one that announces a file, and noise before.
func readAnswer(r *bufio.Reader, mark, until string) (a answer, err error) {
	left := maxFile + maxNoise
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if left -= len(part); left < 0 {
			return a, fmt.Errorf("more than %d bytes were printed, which is no connection file", maxFile+maxNoise)
		}
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		said, ours := strings.CutPrefix(strings.TrimRight(string(line), "\r\n"), mark+" ")
		word, rest, _ := strings.Cut(said, " ")
		switch {
		case err != nil:
			return a, err
		case !ours:
			if a.file != "" {
				a.content = append(a.content, line...)
			}
		case word == "host":
			a.host = rest
		case word == "file":
			a.file, a.content = rest, nil
		case word == "missing":
			a.missing = rest
		case word == "unreadable":
			a.unreadable = rest
		case word == "other":
			a.others = append(a.others, rest)
		}
		if ours && word == until {
			return a, nil
		}
		line = line[:0]
	}
}

// greet waits until the user is logged in and the shell reads.
func (l *link) greet(ctx context.Context, cfg *Config) error {
	l.mark = "muster-" + rand.Text()
	a, err := l.ask(ctx, cfg, cfg.script(l.mark), "host")
	l.host = a.host
	return err
}

// ask writes to the shell and waits for its answer. A link that does not answer is
// of no use any more.
func (l *link) ask(ctx context.Context, cfg *Config, question, until string) (answer, error) {
	type result struct {
		answer
		err error
	}
	answers := make(chan result, 1)
	go func() {
		var r result
		if _, r.err = io.WriteString(l.input, question); r.err == nil {
			r.answer, r.err = readAnswer(l.answers, l.mark, until)
		}
		answers <- r
	}()
	var r result
	select {
	case r = <-answers:
	case <-ctx.Done():
		r.err = context.Cause(ctx)
	}
	if r.err == nil {
		return r.answer, nil
	}
	err := l.explain(ctx, cfg, r.err)
	l.close()
	return answer{}, err
}

// fetch reads the connection file.
func (l *link) fetch(ctx context.Context, cfg *Config) (*wire.ClientConnection, error) {
	if cfg.Connection != nil {
		return cfg.Connection, nil
	}
	a, err := l.ask(ctx, cfg, "file\n", "end")
	switch {
	case err != nil:
		return nil, err
	case a.unreadable != "":
		return nil, fmt.Errorf("connection file %s on %s is another user's: log in as whoever started the cluster", a.unreadable, l.host)
	case a.missing != "":
		return nil, noFile(l.host, &a)
	case len(a.content) > maxFile:
		return nil, fmt.Errorf("connection file %s on %s: larger than %d bytes", a.file, l.host, maxFile)
	}
	conn, err := wire.ParseClientConnection(a.content)
	if err != nil {
		return nil, fmt.Errorf("connection file %s on %s: %w", a.file, l.host, err)
	}
	return conn, nil
}
