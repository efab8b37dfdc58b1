package client

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A group is what is the same on some engines.
type group[T any] struct {
	text    string
	items   []T
	engines []EngineID // those that are known
}

// fold groups items by a text, in the order of the first of each.
func fold[T any](items []T, of func(T) (text string, engine EngineID)) []*group[T] {
	var groups []*group[T]
	by := make(map[string]*group[T])
	for _, item := range items {
		text, engine := of(item)
		g := by[text]
		if g == nil {
			g = &group[T]{text: text}
			by[text] = g
			groups = append(groups, g)
		}
		if g.items = append(g.items, item); engine != NoEngine {
			g.engines = append(g.engines, engine)
		}
	}
	return groups
}

// unfolded is how many items are always shown one by one.
const unfolded = 4

// foldMany is fold of more than a few items; these stay apart.
func foldMany[T any](items []T, of func(T) (text string, engine EngineID)) []*group[T] {
	if len(items) > unfolded {
		return fold(items, of)
	}
	var groups []*group[T]
	for i := range items {
		groups = append(groups, fold(items[i:i+1], of)...)
	}
	return groups
}

// common says which of n engines agree with most, and brings these to the
// front. It is "" when no more than half agree.
func common[T any](groups []*group[T], n int) string {
	most := slices.MaxFunc(groups, func(a, b *group[T]) int { return len(a.items) - len(b.items) })
	if len(most.items)*2 <= n {
		return ""
	}
	at := slices.Index(groups, most)
	copy(groups[1:at+1], groups[:at])
	groups[0] = most
	var others []EngineID
	for _, g := range groups[1:] {
		others = append(others, g.engines...)
	}
	head := fmt.Sprintf("%d engines the same", len(most.items))
	switch len(others) {
	case 0:
		return head
	case 1:
		return head + "; " + engineList(others) + " differs"
	}
	return head + "; " + engineList(others) + " differ"
}

// engineList names engines: "engine 3", "engines 0-2, 7".
func engineList(ids []EngineID) string {
	if len(ids) > 0 && slices.Max(ids) == slices.Min(ids) {
		return "engine " + strconv.Itoa(int(ids[0]))
	}
	return "engines " + ranges(ids)
}

// ranges lists ids in order, runs of them as ranges: "0-2, 7".
func ranges(ids []EngineID) string {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	var b strings.Builder
	for i := 0; i < len(ids); {
		j := i
		for j+1 < len(ids) && ids[j+1] == ids[j]+1 {
			j++
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(int(ids[i])))
		if j > i {
			b.WriteByte('-')
			b.WriteString(strconv.Itoa(int(ids[j])))
		}
		i = j + 1
	}
	return b.String()
}

// idLabel is an engine in the labels of output.
func idLabel(id EngineID) string {
	if id == NoEngine {
		return "?"
	}
	return strconv.Itoa(int(id))
}
