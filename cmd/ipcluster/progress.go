package main

import (
	"fmt"
	"os"

	"golang.org/x/term"
)

// progressOn shows "engines 3/4" on a terminal, on a line that is rewritten,
// and nothing anywhere else. done ends the line if it was begun.
func progressOn(f *os.File) (show func(have, want int), done func()) {
	if !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	begun := false
	show = func(have, want int) {
		begun = true
		fmt.Fprintf(f, "\rengines %d/%d", have, want)
	}
	done = func() {
		if begun {
			begun = false
			fmt.Fprintln(f)
		}
	}
	return show, done
}
