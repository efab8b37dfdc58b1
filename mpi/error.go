package mpi

import "fmt"

// Error is what a call of MPI came to. The message is the library's own, or
// ours where an argument was found wrong before MPI was called.
type Error struct {
	Op      string // the method, such as "Allreduce"
	Class   Class
	Message string
}

// Error says what was attempted, why it failed, and of which class that is.
func (e *Error) Error() string {
	return fmt.Sprintf("mpi: %s: %s (%v)", e.Op, e.Message, e.Class)
}

// Class is the kind of an error (MPI 4.0, section 9.4), the same for all
// libraries; those that are not listed are ErrOther.
type Class int

// The classes, in the order of shim.h.
const (
	ErrOther    Class = iota
	ErrBuffer         // no buffer, or overlapping ones
	ErrCount          // lengths that do not fit each other
	ErrType           // element types that do not fit each other
	ErrTag            // a tag below 0 or above MPI's limit
	ErrComm           // a communicator that was freed, or MPI not usable
	ErrRank           // a source or destination that is not in the Comm
	ErrRoot           // a root that is not in the Comm
	ErrOp             // an operation unknown, or not defined for the type
	ErrArg            // any other argument
	ErrTruncate       // a message longer than the buffer
	ErrInternal       // an error inside the MPI library
	ErrNoMemory
)

var classNames = [...]string{"MPI_ERR_OTHER", "MPI_ERR_BUFFER", "MPI_ERR_COUNT", "MPI_ERR_TYPE", "MPI_ERR_TAG",
	"MPI_ERR_COMM", "MPI_ERR_RANK", "MPI_ERR_ROOT", "MPI_ERR_OP", "MPI_ERR_ARG", "MPI_ERR_TRUNCATE",
	"MPI_ERR_INTERN", "MPI_ERR_NO_MEM"}

// String is MPI's name of the class.
func (c Class) String() string {
	if c >= 0 && int(c) < len(classNames) {
		return classNames[c]
	}
	return fmt.Sprintf("Class(%d)", int(c))
}

func fail(op string, class Class, format string, args ...any) *Error {
	return &Error{Op: op, Class: class, Message: fmt.Sprintf(format, args...)}
}
