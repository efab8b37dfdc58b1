package engine

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"muster/transport"
	"muster/wire"
	"muster/wire/pickle"
)

var update = flag.Bool("update", false, "rewrite the scripts in testdata")

// TestScripts plays testdata/*.txt: each unindented line is a request, and the
// indented ones below it are all that the engine sends for it, in order.
//
//	execute CODE           a cell; \n starts a new line of it
//	silent CODE            the same, silently
//	quiet CODE             the same, for a client that counts outputs
//	expression EXPR        an empty cell with a user expression
//	apply FUNCTION JSON... a call with arguments
//	python MODULE NAME     a call of a pickled Python function
//	push NAME JSON         as Python's clients do
//	pull JSON              the same
//	gopull JSON            as Go's clients do
//	map FUNCTION JSON...   the same
//	request TYPE JSON      any other, on the control channel
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tap := &tap{sent: make(chan sent, 1<<10)}
			s := &scriptRun{t: t, tap: tap, r: newController(t, tap).start(Config{})}
			var got bytes.Buffer
			for line := range strings.Lines(string(want)) {
				if strings.HasPrefix(line, "  ") {
					continue
				}
				got.WriteString(line)
				if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
					s.play(&got, line)
				}
			}
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o666); err != nil {
					t.Fatal(err)
				}
			} else if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s (run with -update to rewrite):\n%s", file, got.Bytes())
			}
		})
	}
}

type scriptRun struct {
	t   *testing.T
	tap *tap
	r   *engineRun
}

func (s *scriptRun) play(out *bytes.Buffer, line string) {
	verb, rest, _ := strings.Cut(line, " ")
	code := strings.ReplaceAll(rest, `\n`, "\n")
	word, args, _ := strings.Cut(rest, " ")
	var id wire.MsgID
	status := true // idle ends the messages for the request
	switch verb {
	case "execute":
		id = s.r.execute(code)
	case "silent":
		id = s.r.request(wire.ExecuteRequest, map[string]any{"code": code, "silent": true})
	case "quiet":
		id = s.r.c.send("task", []byte(s.r.uuid), wire.ExecuteRequest, json.RawMessage(onlyCounts), map[string]any{"code": code})
		status = false
	case "expression":
		id = s.r.request(wire.ExecuteRequest, map[string]any{"code": "", "silent": true, "user_expressions": map[string]string{"x": rest}})
	case "apply":
		id = s.r.apply(word, s.values(args)...)
	case "python":
		id = s.call(pickle.Function{Module: word, Name: args}, nil, nil)
	case "push":
		id = s.call(pickle.Function{Module: "ipyparallel.util", Name: "_push"}, nil, map[string]any{word: s.values(args)[0]})
	case "pull":
		id = s.call(pickle.Function{Module: "ipyparallel.util", Name: "_pull"}, s.values(rest), nil)
	case "gopull":
		id = s.r.apply(wire.PullFunction, s.values(rest)...)
	case "delete":
		id = s.r.apply(wire.DeleteFunction, s.values(rest)...)
	case "value":
		id = s.r.apply(wire.ValueFunction, pickle.Reference{Name: rest})
	case "map":
		id = s.r.apply(wire.MapFunction, append([]any{pickle.Reference{Name: word}}, s.values(args)...)...)
	case "request":
		id, status = s.r.request(word, json.RawMessage(args)), false
	default:
		s.t.Fatalf("script: unknown verb %q", verb)
	}
	for {
		m := s.tap.next(s.t)
		if m.Parent.MsgID != id {
			s.t.Fatalf("%s: a message for another request: %s %s", line, m.Header.MsgType, m.Content)
		}
		fmt.Fprintf(out, "  %s\n", s.show(m))
		if status && m.Header.MsgType == "status" && string(m.Content) == string(statusIdle) || !status && m.channel != "iopub" {
			return
		}
	}
}

func (s *scriptRun) call(fn any, args []any, kwargs map[string]any) wire.MsgID {
	// A Function cannot be sent, only received: Python's pickle of one is borrowed.
	buffers, err := codec.SerializeCall(pickle.Reference{Name: "f"}, args, kwargs)
	if err != nil {
		s.t.Fatal(err)
	}
	f := fn.(pickle.Function)
	buffers[0] = fmt.Appendf(nil, "c%s\n%s\n.", f.Module, f.Name) // GLOBAL, STOP
	return s.r.request(wire.ApplyRequest, nil, buffers...)
}

func (s *scriptRun) values(text string) (values []any) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	for dec.More() {
		var v any
		if err := dec.Decode(&v); err != nil {
			s.t.Fatal(err)
		}
		values = append(values, number(v))
	}
	return values
}

// number makes ints of the numbers that are, as Python would send them.
func number(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = number(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = number(v[k])
		}
	}
	return v
}

// Times, versions, this engine's uuid and lines of Go files differ from run to run.
var volatile = regexp.MustCompile(`"[0-9a-f]{8}-[0-9a-f]{24}"|"(started|version|implementation_version|banner)":"[^"]*"|"  \w+\.go, line \d+, in [^"]*"`)

func (s *scriptRun) show(m sent) string {
	content, value := m.Content, ""
	if m.Header.MsgType == wire.ApplyReply && len(m.Buffers) > 0 {
		v, _, err := codec.Deserialize(m.Buffers)
		if err != nil {
			s.t.Fatal(err)
		}
		value = fmt.Sprint(" ", v)
		if string(content) == string(contentOK) {
			return m.channel + " " + m.Header.MsgType + value
		}
	}
	text := m.channel + " " + m.Header.MsgType + " " + string(volatile.ReplaceAll(content, []byte(`"..."`)))
	if m.channel == "iopub" {
		text = m.channel + " " + m.topic + " " + strings.TrimPrefix(text, "iopub ")
	}
	return text + value
}

// A tap is a network that hears what the engine sends, in the order of sending
// over all channels.
type tap struct {
	transport.Memory
	sent chan sent
}

type sent struct {
	channel, topic string
	*wire.Message
}

func (n *tap) Dial(kind transport.Kind, endpoint string, opt transport.Options) (transport.Socket, error) {
	s, err := n.Memory.Dial(kind, endpoint, opt)
	return &tapped{s, n, kind, wire.NewSession(testKey, "")}, err
}

func (n *tap) next(t *testing.T) sent {
	t.Helper()
	m := <-n.sent
	return m
}

type tapped struct {
	transport.Socket
	net     *tap
	kind    transport.Kind
	session *wire.Session
}

func (s *tapped) Send(frames [][]byte) error {
	err := s.Socket.Send(frames)
	m, decodeErr := s.session.Decode(frames)
	if decodeErr != nil || strings.HasSuffix(m.Header.MsgType, "registration_request") {
		return err // a pong, or a greeting
	}
	for i := range m.Buffers { // as the engine may change them
		m.Buffers[i] = bytes.Clone(m.Buffers[i])
	}
	out := sent{channel: "reply", Message: m}
	if s.kind == transport.Pub {
		out.channel, out.topic = "iopub", string(m.Route[0])
	}
	s.net.sent <- out
	return err
}
