package client

import (
	"context"
	"encoding/json"
	"os"

	"muster/wire"
)

// Run runs a source file of this machine on the engines, as Execute runs a
// piece of code: Python engines execute it as it is; on Go engines tracebacks
// name the file, and if it begins with a package clause it is read as a Go
// program is: its declarations in any order, imports included, and then the
// function main of a package main is called, with no arguments in os.Args. What
// the file declares stays in the namespace. It is one file: it cannot embed
// others, and build constraints mean nothing.
func (v *DirectView) Run(ctx context.Context, file string) (Results, error) {
	ar := v.run(ctx, file)
	_, err := ar.Get(ctx)
	return ar.Metadata(), err
}

// RunAsync is Run without the wait. The AsyncResult's values are those of
// ExecuteAsync.
func (v *DirectView) RunAsync(file string) *AsyncResult {
	return v.run(context.Background(), file)
}

func (v *DirectView) run(ctx context.Context, file string) *AsyncResult {
	what := "run " + file
	code, err := os.ReadFile(file)
	if err != nil {
		return failed(what, err)
	}
	r, err := executeRequest(string(code), v.settings)
	if err == nil {
		r.metadata, err = json.Marshal(map[string]any{wire.CountOutputs: true, wire.SourceFile: file})
	}
	return v.send(ctx, &AsyncResult{what: what, code: string(code), numbered: v.settings.stored(), decode: executed}, r, err)
}
