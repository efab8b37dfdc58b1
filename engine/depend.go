package engine

import (
	"context"
	"fmt"
	"go/token"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"muster/mpi"
	"muster/wire/depend"
)

// unmet says why a request is not to run on this engine, or "" if it may
// (wire.Depend and its siblings). It is the worker's, as the properties are.
func (e *Engine) unmet(ctx context.Context, r *request) string {
	if text := r.marks.Depend; text != "" {
		x := e.conditions.compile(text)
		if x.err != nil {
			return fmt.Sprintf("depend `%s`: %v", text, x.err)
		}
		if met, why := x.expr.Met(e.fact); !met {
			return "depend " + why
		}
	}
	for _, name := range r.marks.Require {
		if !e.provides(ctx, name) {
			return fmt.Sprintf("require: there is no variable, function or package %s", name)
		}
	}
	if name := r.marks.DependFunction; name != "" {
		switch v, err := e.ns.Call(ctx, name, nil); {
		case err != nil:
			return fmt.Sprintf("depend %s(): %v", name, err)
		case v != true:
			return fmt.Sprintf("depend %s() is %s", name, text(v))
		}
	}
	return ""
}

// provides tells whether there is a variable, a function or a package of a name,
// and imports the package.
func (e *Engine) provides(ctx context.Context, name string) bool {
	identifiers := true
	for part := range strings.SplitSeq(name, ".") {
		identifiers = identifiers && token.IsIdentifier(part)
	}
	if identifiers {
		if _, err := e.ns.Eval(ctx, name); err == nil {
			return true
		}
	}
	_, _, err := e.ns.Exec(ctx, "require", fmt.Sprintf("import %q", name))
	return err == nil
}

// fact is a property of the engine, or what it knows of itself: host, cores, RAM
// (of the host, in bytes), rank and size (in the MPI job), id, pid and remaining
// (seconds until its job ends). A property hides a fact of the same name, and properties are all of the properties.
func (e *Engine) fact(name string) (any, bool) {
	if v, ok := e.properties[name]; ok {
		return v, true
	}
	switch name {
	case "properties":
		return e.properties, true
	case "host":
		host, err := os.Hostname()
		return host, err == nil
	case "cores":
		return runtime.NumCPU(), true
	case "RAM":
		var info unix.Sysinfo_t
		err := unix.Sysinfo(&info)
		return uint64(info.Totalram) * uint64(info.Unit), err == nil
	case "rank":
		return mpi.World().Rank(), true
	case "size":
		return mpi.World().Size(), true
	case "id":
		return int(e.id()), true
	case "pid":
		return os.Getpid(), true
	case "remaining":
		return e.remaining(), true
	}
	return nil, false
}

// conditions are the expressions that were compiled, or could not be, by their
// texts.
type conditions map[string]condition

type condition struct {
	expr *depend.Expr
	err  error
}

// maxConditions bounds them: campaigns have a few, over and over.
const maxConditions = 256

func (c *conditions) compile(text string) condition {
	x, known := (*c)[text]
	if !known {
		x.expr, x.err = depend.Compile(text)
		if *c == nil || len(*c) == maxConditions {
			*c = make(conditions)
		}
		(*c)[text] = x
	}
	return x
}
