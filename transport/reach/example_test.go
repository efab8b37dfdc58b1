package reach_test

import (
	"context"
	"fmt"

	"muster/controller"
	"muster/transport/reach"
	"muster/transport/zmq"
)

func ExampleController() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c, err := controller.New(controller.Config{IP: "127.0.0.2,127.0.0.3"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }()
	network, err := zmq.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	conn := c.Client()
	fmt.Println(conn.Interface, conn.Addresses)
	conn.Interface = "tcp://127.0.0.9" // where it is not
	host, err := reach.Controller(ctx, network, &conn.Endpoint)
	fmt.Println(host, err)
	network.Close()
	cancel()
	fmt.Println(<-ended)
	// Output:
	// tcp://127.0.0.2 [127.0.0.2 127.0.0.3]
	// 127.0.0.2 <nil>
	// <nil>
}

func ExampleError() {
	fmt.Println(&reach.Error{Attempts: []reach.Attempt{
		{URL: "tcp://10.0.0.7:40001", Err: fmt.Errorf("connection refused")},
		{URL: "tcp://10.1.0.7:40001", Err: fmt.Errorf("no answer within 5s: nothing comes back from there")},
	}})
	// Output:
	// the controller answers at none of its addresses (tcp://10.0.0.7:40001: connection refused; tcp://10.1.0.7:40001: no answer within 5s: nothing comes back from there): let the controller listen where this host reaches it (ipcontroller --ip, with the name of an interface), or open its ports in the firewall (--ports)
}
