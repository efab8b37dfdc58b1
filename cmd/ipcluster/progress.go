package main

import (
	"fmt"
	"os"

	"golang.org/x/term"
)

// progressOn shows "engines 3/4" on a terminal, on a line of its own that is
// rewritten, and nothing anywhere else.
func progressOn(f *os.File) func(have, want int) {
	if !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return func(have, want int) {
		fmt.Fprintf(f, "\rengines %d/%d", have, want)
		if have >= want {
			fmt.Fprintln(f)
		}
	}
}
