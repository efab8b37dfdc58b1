package configs

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/BurntSushi/toml"

	"muster/launcher/site"
)

// Write returns the text of a profile that extends another, "" for none, and asks
// for jobs as the request does.
func Write(extends string, r site.Request) (string, error) {
	var b bytes.Buffer
	profile := struct {
		Extends string         `toml:"extends,omitempty"`
		Job     map[string]any `toml:"job,omitempty"`
	}{extends, make(map[string]any)}
	for key, value := range map[string]any{
		"nodes": r.Nodes, "per_node": r.PerNode, "kind": r.Kind, "queue": r.Queue, "account": r.Account, "broadcast": r.Broadcast, "template": r.Template, "chain": r.Chain,
	} {
		if !slices.Contains([]any{0, "", false}, value) {
			profile.Job[key] = value
		}
	}
	for key, d := range map[string]time.Duration{"time": r.Time, "warning": r.Warning} {
		if d > 0 {
			profile.Job[key] = d.String()
		}
	}
	for key, list := range map[string][]string{"directives": r.Directives, "setup": r.Setup, "drop": r.Drop} {
		if len(list) > 0 {
			profile.Job[key] = list
		}
	}
	e := toml.NewEncoder(&b)
	e.Indent = ""
	if err := e.Encode(profile); err != nil {
		return "", fmt.Errorf("configs: write profile: %w", err)
	}
	return b.String(), nil
}
