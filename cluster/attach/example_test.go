package attach_test

import (
	"fmt"

	"muster/client/tunnel"
	"muster/cluster/attach"
)

func ExampleName() {
	fmt.Println(attach.Name(&tunnel.Config{Destination: "me@login.example.org", Profile: "perlmutter"}))
	// Output: login.example.org-perlmutter
}
