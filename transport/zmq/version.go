package zmq

import (
	"fmt"

	"github.com/pebbe/zmq4"
)

// Version is that of the libzmq in use, as in "4.3.4", and whether it can encrypt
// connections by CURVE.
func Version() (version string, curve bool) {
	major, minor, patch := zmq4.Version()
	return fmt.Sprintf("%d.%d.%d", major, minor, patch), zmq4.HasCurve()
}
