package client

import (
	"fmt"
	"strconv"
	"strings"
)

// A MapError says which items of a map have no value. The values of the others
// stand beside it.
type MapError struct {
	// Missing are in the order of the tasks that the items were dealt to.
	Missing []MissingItems
	err     error
}

// MissingItems are items of one task: those from Low, every Step-th, below High.
// A Go engine sends the values of the calls before the one that failed, and so
// its error is that of item Low; of a Python engine the whole block or chunk is
// missing, and the error is that of one of its items.
type MissingItems struct {
	Low, High, Step int
	Err             error // usually a *RemoteError
}

// Error is the items, as in Python's slice notation where they are not
// consecutive, and why they have no value:
//
//	items 2-3, 7: engine 1: ValueError: negative
func (e *MapError) Error() string {
	engine, text := where(e.err)
	if engine != NoEngine {
		text = fmt.Sprintf("engine %d: %s", engine, text)
	}
	return e.items() + ": " + text
}

// Unwrap returns the error of the one task that failed, or a *CompositeError.
func (e *MapError) Unwrap() error { return e.err }

// maxRanges is how many ranges of items an error names.
const maxRanges = 10

func (e *MapError) items() string {
	var ranges []MissingItems
	for _, m := range e.Missing {
		last := len(ranges) - 1
		if last >= 0 && m.Step == 1 && ranges[last].Step == 1 && ranges[last].High == m.Low {
			ranges[last].High = m.High
		} else {
			ranges = append(ranges, m)
		}
	}
	texts := make([]string, 0, maxRanges+1)
	for i, m := range ranges {
		if i == maxRanges {
			texts = append(texts, fmt.Sprintf("and %d more ranges", len(ranges)-i))
			break
		}
		switch {
		case m.Low+m.Step >= m.High:
			texts = append(texts, strconv.Itoa(m.Low))
		case m.Step == 1:
			texts = append(texts, fmt.Sprintf("%d-%d", m.Low, m.High-1))
		default:
			texts = append(texts, fmt.Sprintf("%d:%d:%d", m.Low, m.High, m.Step))
		}
	}
	word := "items "
	if len(ranges) == 1 && ranges[0].Low+ranges[0].Step >= ranges[0].High {
		word = "item "
	}
	return word + strings.Join(texts, ", ")
}

func mapError(missing []MissingItems) error {
	if len(missing) == 0 {
		return nil
	}
	all := make([]error, len(missing))
	for i, m := range missing {
		all[i] = m.Err
	}
	return &MapError{missing, join(all)}
}

// itemError is the error of one item, nil without a reason.
func itemError(what string, i int, err error) error {
	if err == nil {
		return nil
	}
	return callError(what, mapError([]MissingItems{{i, i + 1, 1, err}}))
}
