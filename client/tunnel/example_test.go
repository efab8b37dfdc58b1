package tunnel_test

import (
	"context"
	"fmt"
	"log"

	"muster/client/tunnel"
	"muster/wire"
)

func Example() {
	ctx := context.Background()
	t, err := tunnel.Open(ctx, tunnel.Config{Destination: "me@login.example.org", Profile: "perlmutter"})
	if err != nil {
		log.Fatal(err)
	}
	defer t.Close()
	err = wire.WriteConnection("connection.json", t.Connection())
	fmt.Println(err)
	for {
		<-t.Done()
		if err := t.Renew(ctx); err != nil {
			log.Fatal(err)
		}
	}
}
