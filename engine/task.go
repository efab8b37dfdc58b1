package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"muster/wire"
	"muster/wire/pickle"
)

// task carries out a task of several steps in the one turn that it has
// (wire.TaskFunction).
func (e *Engine) task(ctx context.Context, r *request, call pickle.Call) (_ any, err error) {
	s, args, err := readTask(call.Args)
	if err != nil {
		return nil, err
	}
	if _, err := e.resolve(ctx, call.Kwargs, 1); err != nil {
		return nil, err
	}
	if s.ClearBefore {
		if err := e.ns.Clear(); err != nil {
			return nil, err
		}
	}
	if s.ClearAfter {
		defer func() {
			if clear := e.ns.Clear(); err == nil {
				err = clear
			}
		}()
	}
	if _, err := e.push(ctx, pickle.Call{Kwargs: call.Kwargs}); err != nil {
		return nil, err
	}
	values := make([]any, 1, 1+len(s.Pull))
	if s.Code != "" {
		e.cells++
		value, hasValue, err := e.ns.Exec(ctx, e.cellName(wire.Execute{}, 0), s.Code)
		if err != nil {
			return nil, err
		}
		if hasValue {
			e.show(r, value, 0)
		}
	}
	if s.Function != "" {
		for i, name := range s.Refs {
			if name != "" {
				if args[i], err = e.lookup(ctx, name); err != nil {
					return nil, err
				}
			}
		}
		if n := len(args) - len(s.Keywords); n < len(args) {
			keywords := make(map[string]any, len(s.Keywords))
			for i, name := range s.Keywords {
				keywords[name] = args[n+i]
			}
			args = append(args[:n], keywords)
		}
		if values[0], err = e.ns.Call(ctx, s.Function, args); err != nil {
			return nil, err
		}
	}
	for _, name := range s.Pull {
		v, err := e.lookup(ctx, name)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// readTask takes the arguments of a task apart: its TaskSpec, and those of its
// function.
func readTask(args []any) (s wire.TaskSpec, rest []any, err error) {
	err = errors.New("its first argument is no description of one")
	if len(args) > 0 {
		if fields, ok := args[0].(map[string]any); ok {
			var b []byte
			if b, err = json.Marshal(fields); err == nil {
				err = json.Unmarshal(b, &s)
			}
			rest = args[1:]
		}
	}
	switch {
	case err != nil:
	case len(s.Refs) != len(rest):
		err = fmt.Errorf("it has %d arguments and tells of %d", len(rest), len(s.Refs))
	case len(s.Keywords) > len(rest):
		err = fmt.Errorf("of its %d arguments, %d are by keyword", len(rest), len(s.Keywords))
	default:
		return s, rest, nil
	}
	return s, nil, userErrorf(ValueError, "task: %v", err)
}
