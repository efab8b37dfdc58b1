package client

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// String is the output as users of the field know it:
//
//	[stdout:0] hello
//	[0] Out[3]: 5
//
// The verb %+v shows as well what was executed, before its output:
//
//	[0] In [3]: fmt.Println("hello"); 2 + 3
func (r *Result) String() string { return r.text(idLabel(r.Engine), false) }

// Format writes String, or with %+v the longer form.
func (r *Result) Format(s fmt.State, verb rune) {
	format(s, verb, r.text(idLabel(r.Engine), s.Flag('+')))
}

// text is what String describes, of the engines that a label names.
func (r *Result) text(label string, input bool) string {
	var lines []string
	show := func(label, text string) {
		if strings.Trim(text, "\n") != "" {
			lines = append(lines, block(label, text))
		}
	}
	if input && r.Code != "" {
		show(fmt.Sprintf("[%s] In [%s]:", label, number(r.ExecutionCount)), r.Code)
	}
	show(fmt.Sprintf("[stdout:%s]", label), r.Stdout)
	show(fmt.Sprintf("[stderr:%s]", label), r.Stderr)
	for _, d := range r.Outputs {
		show(outputLabel(label), plain(d.Data))
	}
	show(outLabel(label, r.ExecutionCount), r.Text())
	if r.Err != nil {
		_, text := where(r.Err)
		show(fmt.Sprintf("[%s]", label), text)
	}
	return strings.Join(lines, "\n")
}

func outLabel(label string, n int) string { return fmt.Sprintf("[%s] Out[%s]:", label, number(n)) }
func outputLabel(label string) string     { return fmt.Sprintf("[output:%s]", label) }

// number is a cell's in the history, or a star where it is not known.
func number(n int) string {
	if n == 0 {
		return "*"
	}
	return strconv.Itoa(n)
}

// Results are those of one call, in the order of its targets.
type Results []*Result

// String joins what each result prints. Of more than four engines, those that
// print the same are shown once, with their ids for a label:
//
//	62 engines the same; engines 17, 40 differ
//	[0-16, 18-39, 41-63] Out[3]: 5
//	[17] Out[3]: 7
//	[40] Out[3]: 9
//
// Whether the cell has the same number on each of them is no matter; where it
// has not, the number is a star.
func (rs Results) String() string { return rs.text(false) }

// Format writes String, or with %+v what was executed as well.
func (rs Results) Format(s fmt.State, verb rune) { format(s, verb, rs.text(s.Flag('+'))) }

func (rs Results) text(input bool) string {
	var shown Results // those that print anything
	seen := make(map[EngineID]bool)
	for _, r := range rs {
		if r.text("", input) != "" {
			shown = append(shown, r)
			seen[r.Engine] = true
		}
	}
	if len(shown) <= unfolded || len(seen) < len(shown) {
		return shown.join(input)
	}
	groups := fold(shown, func(r *Result) (string, EngineID) { return r.unnumbered().text("", input), r.Engine })
	if len(groups) == len(shown) {
		return shown.join(input)
	}
	var lines []string
	if head := common(groups, len(shown)); head != "" {
		lines = append(lines, head)
	}
	for _, g := range groups {
		r := g.items[0]
		if slices.ContainsFunc(g.items, func(o *Result) bool { return o.ExecutionCount != r.ExecutionCount }) {
			r = r.unnumbered()
		}
		lines = append(lines, r.text(ranges(g.engines), input))
	}
	return strings.Join(lines, "\n")
}

// unnumbered is a result without the number that it has in its engine's history.
func (r *Result) unnumbered() *Result {
	u := *r
	u.ExecutionCount = 0
	return &u
}

func (rs Results) join(input bool) string {
	lines := make([]string, len(rs))
	for i, r := range rs {
		lines[i] = r.text(idLabel(r.Engine), input)
	}
	return strings.Join(lines, "\n")
}

// format writes a text by the verbs for strings; for %v, plainly.
func format(s fmt.State, verb rune, text string) {
	if verb == 'v' {
		io.WriteString(s, text)
		return
	}
	fmt.Fprintf(s, fmt.FormatString(s, verb), text)
}
