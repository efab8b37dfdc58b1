package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"muster/cluster/doctor"
	"muster/wire"
)

func ExampleExamine() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "ipcluster.toml"), []byte("[engines]\nn = -1\n"), 0o600); err != nil {
		log.Fatal(err)
	}
	config := doctor.Config{Profile: wire.Profile{Dir: dir}, Nodes: doctor.Never}
	err = doctor.Examine(context.Background(), config, func(f doctor.Finding) {
		if f.Check == "profile" {
			fmt.Println(f.State, f.Found)
		}
	})
	fmt.Println(errors.Is(err, doctor.ErrFailure))
	// Output:
	// failure launcher: engines.n is -1: it must not be negative
	// true
}
