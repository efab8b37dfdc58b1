package doctor

import (
	"os"
	"testing"
)

// TestMain also makes this binary the program of nodes.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == NodeCommand {
		os.Exit(Node(os.Args[2:]))
	}
	os.Exit(m.Run())
}
