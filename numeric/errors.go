package numeric

// Error is the value of every panic this package raises itself. As in gonum, a panic means a mistake in the
// calling program, never bad data.
type Error struct{ msg string }

func (e Error) Error() string { return "numeric: " + e.msg }

// The panics of the package.
var (
	ErrShape  = Error{"shape does not fit the data"}
	ErrIndex  = Error{"index out of range"}
	ErrAxes   = Error{"number of indices differs from number of axes"}
	ErrDType  = Error{"no such fixed-size dtype"}
	ErrData   = Error{"data is not a slice of fixed-size numbers"}
	ErrParts  = Error{"number of parts is not positive"}
	ErrTarget = Error{"destination is not a non-nil pointer"}
)
