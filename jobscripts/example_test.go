package jobscripts_test

import (
	"fmt"
	"strings"

	"muster/jobscripts"
)

func ExampleRender() {
	script, err := jobscripts.Render("slurm", jobscripts.Cluster{
		Account: "m1234", Nodes: 4, PerNode: 64, Directives: []string{"--constraint=cpu"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, "#SBATCH") {
			fmt.Print(line)
		}
	}
	// Output:
	// #SBATCH --job-name=ipcluster
	// #SBATCH --nodes=4
	// #SBATCH --ntasks-per-node=64
	// #SBATCH --time=01:00:00
	// #SBATCH --output=ipcluster-%j.log
	// #SBATCH --account=m1234
	// #SBATCH --constraint=cpu
}
