package engine

import (
	"os"
)

// Argument is the first argument that makes a program that calls [Main] an
// engine. The rest of its command line is that of the command ipengine.
const Argument = "ipengine"

// Main makes an engine of a program that was started as one, as "prog ipengine
// --profile-dir ...", and then ends the process. Otherwise it returns at once,
// and the program goes on as the client that it is. Call it first in main:
// functions are registered by then, and flags not yet parsed.
func Main() {
	if len(os.Args) > 1 && os.Args[1] == Argument {
		os.Exit(Command(os.Args[2:]))
	}
}
