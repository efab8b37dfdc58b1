package site_test

import (
	"errors"
	"fmt"
	"time"

	"muster/launcher/site"
)

func ExampleSite_Plan() {
	frontera := site.Site{
		Name: "Frontera", Scheduler: "slurm",
		Nodes: []site.Kind{{Name: "clx", Cores: 56}},
		Queues: []site.Queue{
			{Name: "small", Range: site.Range{MaxNodes: 2, MaxTime: 48 * time.Hour}},
			{Name: "normal", Range: site.Range{MinNodes: 3, MaxNodes: 512, MaxTime: 48 * time.Hour}},
		},
		Launcher: site.Launcher{Command: []string{"ibrun"}},
	}
	plan, err := frontera.Plan(site.Request{Nodes: 4, Time: 2 * time.Hour})
	fmt.Println(plan, err)
	_, err = frontera.Plan(site.Request{Nodes: 600, Time: 2 * time.Hour})
	fmt.Println(err)
	var refusal *site.Refusal
	fmt.Println(errors.As(err, &refusal), refusal.Remedy)
	// Output:
	// a job of 4 nodes for 2h with 224 engines, queue normal <nil>
	// Frontera: no queue takes a job of 600 nodes for 2h: small gives no more than 2 nodes; normal gives no more than 512 nodes (rule queues.small.max_nodes, queues.normal.max_nodes): ask for a job within these limits
	// true ask for a job within these limits
}

func ExampleSite_Check() {
	s := site.Site{
		Name: "Stampede3", Scheduler: "slurm",
		Forbidden: []site.Rule{{Directive: "--mem", Why: "the scheduler does not accept the job", Remedy: "leave it out"}},
	}
	fmt.Println(s.Check("#!/bin/bash\n#SBATCH --nodes=2\n#SBATCH --mem=4G\n"))
	// Output: Stampede3: the option --mem: the scheduler does not accept the job (rule forbidden --mem): leave it out
}
