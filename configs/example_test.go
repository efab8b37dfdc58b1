package configs_test

import (
	"fmt"

	"muster/configs"
)

func ExampleDecode() {
	var c configs.Config
	err := configs.Decode("ipcluster.toml", []byte("[engines]\nn = 16\nlauncer = \"mpi\"\n"), &c)
	fmt.Println(err)
	// Output: ipcluster.toml:3: unknown key "engines.launcer" (did you mean "engines.launcher"?)
}

func ExampleShipped() {
	fmt.Println(configs.Shipped())
	// Output: [flux htcondor local lsf mpi pbs pjm sge slurm srun ssh torque]
}
