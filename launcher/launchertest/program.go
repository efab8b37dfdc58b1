package launchertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// A Program is a way to behave that a launcher must cope with.
type Program string

const (
	Serve  Program = "serve"  // says "up" and runs until it is told to end
	Finish Program = "finish" // says "done" and ends well
	Fail   Program = "fail"   // says why and ends badly
	Tell   Program = "tell"   // tells what it was sent, and who shows that
)

// Reason is what Fail says.
const Reason = "cannot bind tcp://127.0.0.1:10101: address already in use"

// Run behaves as the program does, until ctx ends.
func Run(ctx context.Context, p Program, out io.Writer) error {
	switch p {
	case Serve:
		fmt.Fprintln(out, "up")
		<-ctx.Done()
		return nil
	case Finish:
		fmt.Fprintln(out, "done")
		return nil
	case Fail:
		fmt.Fprintln(out, "starting")
		fmt.Fprintln(out, Reason)
		return errors.New(Reason)
	case Tell:
		return tell(out)
	}
	return fmt.Errorf("no program %q", p)
}

// programVar names the program that a test binary is to be.
const programVar = "MUSTER_TEST_PROGRAM"

// Command returns the arguments and the environment that make this test binary
// behave as the program does, provided that its TestMain calls [Main].
func Command(t *testing.T, p Program) (args, env []string) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{self}, []string{programVar + "=" + string(p)}
}

// Main is called first in TestMain. In a process started by a [Command], or as a
// command of a [Scheduler], it plays the program and does not return.
func Main() {
	playCommand()
	p := Program(os.Getenv(programVar))
	if p == "" {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := Run(ctx, p, os.Stderr)
	stop()
	if err != nil {
		os.Exit(3)
	}
	os.Exit(0)
}
