package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Program finds a program of the cluster, ipcontroller or ipengine: beside this
// one, or on PATH.
func Program(name string) (string, error) {
	if self, err := os.Executable(); err == nil {
		if beside := filepath.Join(filepath.Dir(self), name); isExecutable(beside) {
			return beside, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("cluster: %s is neither beside this program nor in PATH: build or install it (make bin): %w", name, err)
	}
	return path, nil
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
