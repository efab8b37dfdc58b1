package engine

import (
	"fmt"
	"os"
)

// checkpoint runs the file of the configuration, so that what users have in the
// namespace outlives the engine. What it prints is logged.
func (e *Engine) checkpoint() error {
	if e.cfg.Checkpoint == "" {
		return nil
	}
	e.log.Info("checkpoint begins", "file", e.cfg.Checkpoint)
	e.out.divert(e.log)
	err := e.runFile("checkpoint", e.cfg.Checkpoint)
	e.drain()
	e.out.divert(nil)
	if err == nil {
		e.log.Info("checkpoint file was run", "file", e.cfg.Checkpoint)
	}
	return err
}

// readable tells early of a file that is wanted late.
func (e *Engine) readable() error {
	if e.cfg.Checkpoint == "" {
		return nil
	}
	if _, err := os.ReadFile(e.cfg.Checkpoint); err != nil {
		return fmt.Errorf("engine: checkpoint: %w", err)
	}
	return nil
}
