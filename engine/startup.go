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
	source, err := os.ReadFile(e.cfg.Startup)
	if err != nil {
		return fmt.Errorf("engine: startup: %w", err)
	}
	if _, _, err := e.ns.Run(e.life, e.cfg.Startup, string(source)); err != nil {
		var user *UserError
		where := ""
		if errors.As(err, &user) {
			where = "\n  " + strings.ReplaceAll(strings.Join(user.Failure.Traceback, "\n"), "\n", "\n  ")
		}
		return fmt.Errorf("engine: startup: %s: %w%s", e.cfg.Startup, err, where)
	}
	e.log.Info("startup file was run", "file", e.cfg.Startup)
	return nil
}
