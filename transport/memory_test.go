package transport_test

import (
	"testing"

	"muster/transport"
	"muster/transport/transporttest"
)

func TestMemory(t *testing.T) {
	transporttest.Run(t, new(transport.Memory), "mem:0", "other:0")
}
