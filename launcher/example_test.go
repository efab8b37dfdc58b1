package launcher_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"muster/launcher"
)

// Two copies of a program, watched until they end by themselves.
func ExampleLocal() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	l := launcher.Local{Command: launcher.Command{
		Args: []string{"sh", "-c", "echo $GREETING"},
		Env:  []string{"GREETING=hello"},
		Log:  filepath.Join(dir, "hello-*.log"),
	}}
	job, err := l.Start(context.Background(), 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	<-job.Wait(launcher.Ended)
	b, err := os.ReadFile(filepath.Join(dir, "hello-1.log"))
	fmt.Print(job.State(), ", copy 1 said ", string(b))
	fmt.Println(job.Err(), err)
	// Output:
	// ended, copy 1 said hello
	// <nil> <nil>
}

// A program that fails tells why.
func ExampleJob_failed() {
	l := launcher.Local{Command: launcher.Command{Args: []string{"sh", "-c", "exit 4"}}}
	job, err := l.Start(context.Background(), 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer job.Stop(context.Background())
	<-job.Failed()
	fmt.Println(job.Err())
	// Output: sh: exit status 4, without a word
}
