package main

import (
	"strings"
	"testing"
)

func TestBounds(t *testing.T) {
	for _, s := range []string{"1:8", "0:1", "3:3"} {
		var b bounds
		if err := b.Set(s); err != nil || b.String() != s {
			t.Errorf("%s: %v, %v", s, &b, err)
		}
	}
	for _, s := range []string{"", "8", "1:", ":8", "2:1", "0:0", "-1:2", "1:8:9", "a:b"} {
		var b bounds
		if err := b.Set(s); err == nil || !strings.Contains(err.Error(), "as in 1:8") || b.String() != "" {
			t.Errorf("%q: %v, %v", s, &b, err)
		}
	}
}
