package jobscripts

import "strings"

// A Broadcast says how the program of the engines is brought to the local disks
// of all nodes, so that thousands of ranks do not read one file of a shared file
// system at once. The zero value leaves the program where it is.
type Broadcast struct {
	// Before and After are lines of shell, in which {program} stands for the
	// program: what brings it there and what takes it away again.
	Before, After string
	// Program is where it is then, as the shell finds it; "" is where it was.
	Program string
}

// of fills in the program, a word of the shell.
func (b Broadcast) of(program string) Broadcast {
	fill := strings.NewReplacer("{program}", program)
	b.Before, b.After = fill.Replace(b.Before), fill.Replace(b.After)
	return b
}
