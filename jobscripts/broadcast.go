package jobscripts

// A Broadcast says how the program of the engines, and the MPI shims beside it, are
// brought to the local disks of all nodes, so that thousands of ranks do not read
// the same files of a shared file system at once. The zero value leaves them where they are.
type Broadcast struct {
	// Before and After are lines of shell about "$file": what brings it there, and
	// what takes it away again.
	Before, After string
	// Dir is the directory where the files are then, as the shell finds it; "" is
	// where they were.
	Dir string
}
