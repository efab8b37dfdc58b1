package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
)

// shutdown is why an engine ends that a client has told to. With restart, its
// process then becomes a new engine with the same id.
type shutdown struct {
	*request
	restart bool
}

func (s shutdown) Error() string {
	if s.restart {
		return "told to start anew by a client"
	}
	return "shut down by a client"
}

// reply is the content of the reply.
func (s shutdown) reply() json.RawMessage {
	return fmt.Appendf(nil, `{"status":"ok","restart":%t}`, s.restart)
}

// shutdown ends the engine, or refuses to if it should restart and cannot.
func (e *Engine) shutdown(r *request) {
	var content struct {
		Restart bool `json:"restart"`
	}
	if err := json.Unmarshal(r.Content, &content); err != nil {
		e.refuse(r, r.replyType(), ValueError, fmt.Sprintf("shutdown_request: %v", err))
		return
	}
	if content.Restart {
		switch {
		case e.cfg.kill == nil:
			e.refuse(r, r.replyType(), "OSError", "restart: this engine shares its process, which cannot become a new engine: end it, and start another in the program that started it")
			return
		case e.cfg.mpi:
			e.refuse(r, r.replyType(), "OSError", "restart: this engine is a rank of an MPI job, which a process cannot leave and join again: shut all ranks down and start the job again (ipcluster engines restart)")
			return
		}
	}
	s := shutdown{r, content.Restart}
	e.log.Info(s.Error())
	e.replyControl(r, r.replyType(), s.reply())
	e.stop(s)
}

// A birth is how a process was started: what it takes to start it again.
type birth struct {
	program, dir string
	args, env    []string
}

// begun is how this process was started. It is asked before user code can
// change what it goes by.
func begun() (birth, error) {
	program, err := os.Executable()
	if err != nil {
		return birth{}, err
	}
	dir, err := os.Getwd()
	return birth{program, dir, slices.Clone(os.Args), os.Environ()}, err
}

// again makes of this process the engine that it was when it began: launchers
// that watch it see the same process go on. The id is that of the engine that
// has just unregistered. again returns only when it fails.
func (b birth) again(e *Engine) error {
	args := b.args
	if last := len(args) - 1; strings.HasPrefix(args[last], "--id=") {
		args = args[:last] // ours, of the last time
	}
	args = append(args, fmt.Sprintf("--id=%d", e.id()))
	err := os.Chdir(b.dir)
	if err == nil {
		err = syscall.Exec(b.program, args, b.env)
	}
	return fmt.Errorf("engine: start anew as %s: %w", b.program, err)
}
