package site

import "fmt"

// A Refusal says that a site would not take a job, or should not be given it:
// which rule forbids it, and what to do.
type Refusal struct {
	Site   string // its name
	Rule   string // the key of the profile that says so, as in "queues.debug.max_time"
	Reason string
	Remedy string
}

// Error is one sentence: what, by which rule, and what to do.
func (r *Refusal) Error() string {
	return fmt.Sprintf("%s: %s (rule %s): %s", r.Site, r.Reason, r.Rule, r.Remedy)
}

// refuse makes a Refusal of a site.
func (s Site) refuse(rule, remedy, format string, args ...any) error {
	return &Refusal{Site: s.Name, Rule: rule, Reason: fmt.Sprintf(format, args...), Remedy: remedy}
}
