package main

import (
	"fmt"
	"os"

	"golang.org/x/term"

	"muster/cluster"
)

// progressOn shows "engines 3/4", or what is waited for, on a terminal, on a
// line that is rewritten, and nothing anywhere else. done ends the line if it was begun.
func progressOn(f *os.File) (show func(cluster.Progress), done func()) {
	if !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	begun := false
	show = func(p cluster.Progress) {
		begun = true
		fmt.Fprintf(f, "\r\x1b[K%v", p)
	}
	done = func() {
		if begun {
			begun = false
			fmt.Fprintln(f)
		}
	}
	return show, done
}
