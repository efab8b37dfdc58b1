package interp_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"muster/engine/interp"
)

func outOfRange(i int) int { return []int{1}[i] }

// A panic in compiled code shows where it was, below the line of the cell that
// called it.
func TestCompiledFrames(t *testing.T) {
	in, err := interp.New(interp.Config{Funcs: map[string]any{"test.Index": outOfRange}})
	if err != nil {
		t.Fatal(err)
	}
	exec := func(source string) error {
		_, err := in.Exec(context.Background(), interp.Cell{Name: "In[1]", Source: source})
		return err
	}
	call := func() error {
		_, err := in.Call(context.Background(), "test.Index", []any{5})
		return err
	}
	for name, c := range map[string]struct {
		err  error
		want []string // in this order
	}{
		"called by name":          {call(), []string{"stack_test.go, line 12, in muster/engine/interp_test.outOfRange"}},
		"called by a cell":        {exec("x := 1\ntest.Index(5 + x)"), []string{"In[1], line 2", "test.Index(5 + x)", "stack_test.go, line 12"}},
		"in a function":           {exec("func f() int { return test.Index(5) }\nf()"), []string{"In[1], line 2", "In[1], line 1, in f", "stack_test.go, line 12"}},
		"in a library":            {exec("strings.Repeat(`x`, -1)"), []string{"In[1], line 1", "in strings.Repeat"}},
		"interpreted, not at all": {exec("var none []int\nnone[3]"), []string{"In[1], line 2"}},
	} {
		var e *interp.Error
		if !errors.As(c.err, &e) {
			t.Errorf("%s: %v", name, c.err)
			continue
		}
		rest := strings.Join(e.Traceback, "\n")
		for _, w := range c.want {
			_, after, ok := strings.Cut(rest, w)
			if !ok {
				t.Errorf("%s: no %q in its place in\n%s", name, w, strings.Join(e.Traceback, "\n"))
			}
			rest = after
		}
		if compiled := strings.Contains(strings.Join(e.Traceback, "\n"), ".go, line"); compiled == strings.Contains(name, "not at all") {
			t.Errorf("%s:\n%s", name, strings.Join(e.Traceback, "\n"))
		}
	}
}
