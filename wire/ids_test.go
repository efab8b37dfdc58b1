package wire

import "testing"

func TestInstance(t *testing.T) {
	for range 100 {
		name := NewInstance()
		if got := InstanceOf([]byte(name + ".12")); got != name {
			t.Fatalf("the ping %s.12 is of instance %q", name, got)
		}
	}
	for _, ping := range []string{"", ".", "12345678.25", "abcdefab", "abcdef.1", "1"} {
		if got := InstanceOf([]byte(ping)); got != "" {
			t.Errorf("the ping %q is of instance %q", ping, got)
		}
	}
}
