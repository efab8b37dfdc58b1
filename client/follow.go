package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
)

// Follow writes what the call prints and displays, as it comes, and returns
// when the call is done, or with the context's cause. Each line has the engine
// before it:
//
//	[stdout:3] step 1 of 5
//	[3] Out[7]: 0.25
//
// A line is written when it is complete, so that those of several engines do
// not mix. Follow does not tell how the call went, as Get does.
func (ar *AsyncResult) Follow(ctx context.Context, w io.Writer) error {
	p := linePrinter{w: w, parts: make(map[stream][]byte)}
	for o := range ar.Outputs(ctx) {
		if err := p.print(o); err != nil {
			return fmt.Errorf("client: follow %s: %w", ar.what, err)
		}
	}
	for _, s := range p.open {
		if err := p.line(s, p.parts[s]); err != nil {
			return fmt.Errorf("client: follow %s: %w", ar.what, err)
		}
	}
	return ar.Wait(ctx)
}

// A stream is one of those that a call prints to.
type stream struct {
	kind   OutputKind
	engine EngineID
	index  int
}

// A linePrinter puts lines together.
type linePrinter struct {
	w     io.Writer
	parts map[stream][]byte // begun lines
	open  []stream          // that have one, in order
}

// maxLine bounds the memory for a line that does not end.
const maxLine = 64 << 10

func (p *linePrinter) print(o Output) error {
	s := stream{o.Kind, o.Engine, o.Index}
	switch o.Kind {
	case ExecuteResult:
		_, err := io.WriteString(p.w, block(outLabel(idLabel(o.Engine), o.ExecutionCount), o.Text)+"\n")
		return err
	case DisplayData:
		_, err := io.WriteString(p.w, block(outputLabel(idLabel(o.Engine)), o.Text)+"\n")
		return err
	}
	rest := []byte(o.Text)
	if part, begun := p.parts[s]; begun {
		rest = append(part, rest...)
		p.close(s)
	}
	for len(rest) > 0 {
		line, after, ends := bytes.Cut(rest, []byte("\n"))
		if !ends && len(line) < maxLine {
			p.parts[s] = line
			p.open = append(p.open, s)
			return nil
		}
		if err := p.line(s, line); err != nil {
			return err
		}
		rest = after
	}
	return nil
}

func (p *linePrinter) line(s stream, line []byte) error {
	_, err := fmt.Fprintf(p.w, "[%s:%s] %s\n", s.kind, idLabel(s.engine), line)
	return err
}

func (p *linePrinter) close(s stream) {
	delete(p.parts, s)
	for i, o := range p.open {
		if o == s {
			p.open = append(p.open[:i], p.open[i+1:]...)
			return
		}
	}
}

// block puts a label before a text, on a line of its own when the text has
// several.
func block(label, text string) string {
	if text = strings.TrimRight(text, "\n"); strings.Contains(text, "\n") {
		return label + "\n" + text
	}
	return label + " " + text
}
