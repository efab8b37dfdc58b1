package main

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// enter waits for a line from the terminal. Nobody reads from it any more when the
// context ends: what is typed then is somebody else's.
func enter(ctx context.Context) error {
	fds := []unix.PollFd{{Fd: int32(os.Stdin.Fd()), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 100)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == unix.EINTR || err == nil && n == 0:
			continue
		case err != nil:
			return fmt.Errorf("wait for a line: %w", err)
		}
		_, err = os.Stdin.Read(make([]byte, 256)) // a terminal gives a line at a time
		return err
	}
}
