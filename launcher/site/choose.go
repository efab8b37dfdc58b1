package site

import (
	"fmt"
	"strings"
)

// queue chooses the first queue that takes the job, or the one that is asked for.
func (s Site) queue(p *Plan, r Request, kind Kind) (Queue, error) {
	if len(s.Queues) == 0 {
		p.ask(r.Queue)
		return Queue{Name: r.Queue}, nil
	}
	var why, others []string
	var rules []string
	for _, q := range s.Queues {
		if r.Queue != "" && q.Name != r.Queue {
			continue
		}
		if !q.has(kind.Name) {
			if r.Queue != "" {
				return q, s.refuse("queues."+q.Name+".nodes", "leave the kind out, or ask for another queue", "queue %s has no nodes of kind %s", q.Name, kind.Name)
			}
			continue
		}
		limit, broken := q.takes(p.Nodes, p.Time)
		switch {
		case broken != nil:
			if !q.OnRequest || r.Queue != "" {
				why, rules = append(why, broken.reason), append(rules, "queues."+q.Name+"."+broken.rule)
			}
		case q.OnRequest && r.Queue == "":
			others = append(others, fmt.Sprintf("%s (%s)", q.Name, q.Note))
		default:
			p.Queue, p.Limit = q.Name, limit
			if len(q.Directives) == 0 {
				p.ask(q.Name)
			}
			return q, nil
		}
	}
	job := fmt.Sprintf("a job of %s for %s", count(p.Nodes, "node"), short(p.Time))
	remedy := "ask for a job within these limits"
	if len(others) > 0 {
		remedy = "ask for a job within these limits, or for a queue that takes it by name: " + strings.Join(others, ", ")
	}
	switch {
	case r.Queue != "" && len(why) == 0:
		return Queue{}, s.noQueue(r.Queue)
	case len(why) == 0: // all that take it want to be asked for
		return Queue{}, s.refuse("queues", remedy, "no queue takes %s on nodes of kind %s by itself", job, kind.Name)
	}
	return Queue{}, s.refuse(strings.Join(rules, ", "), remedy, "no queue takes %s: %s", job, strings.Join(why, "; "))
}

// noQueue refuses a queue that is not there, or that cannot be asked for.
func (s Site) noQueue(name string) error {
	var names []string
	for _, q := range s.Queues {
		for _, l := range q.Limits {
			if l.Name == name {
				return s.refuse("queues."+q.Name+".limits", "ask for "+q.Name, "nothing can be submitted to %s directly: %s routes jobs there by their size", name, q.Name)
			}
		}
		names = append(names, q.Name)
	}
	return s.refuse("queues", "ask for one of these, or for none and have it chosen", "it has no queue %q, but %s", name, strings.Join(names, ", "))
}

// ask has a queue asked for by its name.
func (p *Plan) ask(name string) {
	if p.System == "slurm" {
		p.Partition = name
	} else {
		p.Ask = name
	}
}
