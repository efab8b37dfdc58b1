// Package site knows what a machine demands of a job: which queues it has and
// how much each gives, which options a submission must have and must not have,
// and which words start a program on all nodes.
//
// A [Site] is what a profile says of a machine. [Site.Plan] takes a [Request],
// so many nodes for so long, chooses the queue and fills in everything that a
// job script needs; or it refuses, with a [Refusal] that names the rule and the
// remedy, before anything is submitted:
//
//	plan, err := perlmutter.Plan(site.Request{Nodes: 2, Time: time.Hour, Account: "m1234"})
//	script, err := jobscripts.RenderEngines(plan.System, plan.Engines())
//	err = perlmutter.Check(script)
//
// The rule of this room: nothing here reads a file, a clock or the environment.
package site
