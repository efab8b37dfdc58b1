// Package doctor finds out whether a cluster would start, before one does: on this
// machine, and on nodes, by a job of a minute.
//
//	err := doctor.Examine(ctx, doctor.Config{Profile: profile}, func(f doctor.Finding) {
//		fmt.Println(f.State, f.Check, f.Found)
//	})
//
// A check is a noun and a function in a file of that name. It looks at the real
// thing: it makes a file where files are going to be made, starts the programs that
// are going to be started, has two ranks of the site's mpirun find each other. What it
// comes back with is a [Finding]: how things are and, if they are not well, why that
// matters and what to do.
//
// # Nodes
//
// The job is started by the launcher of the engines, as the profile has it; its
// program is [Node] instead of an engine. It is told by its environment, or by a file in the
// profile, where to report. On the node it looks around, and tries every address of
// this machine: whoever answers there has to sign (package wire). Over the
// first connection that does it tells what it has found; it leaves the same in a file, so that
// either way is enough. As a rank of MPI it first tells all that, then initialises
// MPI and adds up over the ranks. A node that says nothing is spoken for by what
// its job has printed.
//
// The rule of this room: it changes nothing. What it makes is a folder in the
// profile, which is gone when it returns, as its job is.
package doctor
