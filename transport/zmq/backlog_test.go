package zmq_test

import (
	"net"
	"testing"
	"time"

	"muster/transport"
)

// A crowd that comes at once is let in at once: nobody finds no room, and has to try
// again after a second.
func TestCrowd(t *testing.T) {
	n := network(t)
	r, err := n.Listen(transport.Router, "tcp://127.0.0.1:0", transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	const crowd = 400
	come := func() (last time.Duration) {
		waits := make(chan time.Duration, crowd)
		for range crowd {
			go func() {
				begun := time.Now()
				c, err := net.Dial("tcp", r.Addr()[len("tcp://"):])
				waits <- time.Since(begun)
				if err != nil {
					t.Error(err)
					return
				}
				c.Close()
			}()
		}
		for range crowd {
			last = max(last, <-waits)
		}
		return last
	}
	best := time.Hour
	for try := 0; try < 5 && best > time.Second; try++ { // the machine may be busy
		best = min(best, come())
	}
	if best > time.Second {
		t.Errorf("of %d the last is let in after %v", crowd, best)
	}
}
