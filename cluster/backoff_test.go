package cluster

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	b := backoff{first: time.Second}
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60, 60} {
		if got := b.after(time.Duration(i) * time.Second); got.wait != want*time.Second || got.never {
			t.Errorf("after death %d: %v, want %d s", i, got, want)
		}
	}
	if got := b.after(longLife - 1); !got.never || got.due(t.Context()) {
		t.Errorf("after all of them: %v", got)
	}
	if got := b.after(longLife); got.wait != time.Second || got.never {
		t.Errorf("after a long life: %v", got)
	}
}
