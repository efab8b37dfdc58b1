package engine

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// startup runs the file of the configuration, so that the namespace holds what
// clients count on before the engine is registered, at its first start and
// whenever it is started again.
func (e *Engine) startup() error {
	if err := e.runFile("startup", e.cfg.Startup); err != nil {
		return err
	}
	e.log.Info("startup file was run", "file", e.cfg.Startup)
	return nil
}

// runFile runs a file of Go in the namespace.
func (e *Engine) runFile(what, file string) error {
	source, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("engine: %s: %w", what, err)
	}
	if _, _, err := e.ns.Run(e.life, file, string(source)); err != nil {
		var user *UserError
		where := ""
		if errors.As(err, &user) {
			where = "\n  " + strings.ReplaceAll(strings.Join(user.Failure.Traceback, "\n"), "\n", "\n  ")
		}
		return fmt.Errorf("engine: %s: %s: %w%s", what, file, err, where)
	}
	return nil
}
