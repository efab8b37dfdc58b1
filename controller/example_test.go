package controller_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"muster/controller"
	"muster/wire"
)

// A controller in a process of one's own, with its files in a profile: clients
// and engines find it there.
func Example() {
	dir, err := os.MkdirTemp("", "profile_")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	profile := wire.Profile{Dir: dir}

	c, err := controller.New(controller.Config{Profile: profile, HWM: 2})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }()

	connection, err := wire.ReadClientConnection(profile.ClientFile(""))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(connection.Interface, connection.TaskScheme)

	cancel()
	if err := <-ended; err != nil {
		log.Fatal(err)
	}
	_, err = os.Stat(profile.ClientFile(""))
	fmt.Println("files are gone:", os.IsNotExist(err))
	// Output:
	// tcp://127.0.0.1 leastload
	// files are gone: true
}
