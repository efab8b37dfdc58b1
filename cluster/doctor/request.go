package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"muster/wire"
)

// A request is what a node is told, by its environment and by a file in the folder of the run.
type request struct {
	Doctor wire.Endpoint `json:"doctor"` // as a controller would tell engines: all its addresses, the port for registration, the key
	Dir    string        `json:"dir"`    // the folder of the run
	Engine string        `json:"engine"` // the engine's program
}

// requestEnv is the variable that holds the request.
const requestEnv = "MUSTER_DOCTOR"

const (
	requestFile  = "request.json"
	reportPrefix = "report-" // and the name of the copy
	maxRequest   = 64 << 10
)

func parseRequest(text []byte) (r request, err error) {
	if len(text) > maxRequest {
		return r, errors.New("doctor: request: it is too long")
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("doctor: request: %w", err)
	}
	if r.Doctor.Key == "" || !filepath.IsAbs(r.Dir) {
		return r, errors.New("doctor: request: it names no key, or no folder")
	}
	return r, nil
}

// readRequest reads the request: that of the environment, or of the file where a launcher
// does not pass variables on to all nodes.
func readRequest(file string) (request, error) {
	if text := os.Getenv(requestEnv); text != "" {
		return parseRequest([]byte(text))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return request{}, fmt.Errorf("doctor: neither %s nor the file has come to this node: %w", requestEnv, err)
	}
	return parseRequest(text)
}

// write puts the request where nodes are going to look for it.
func (r request) write() (file, variable string, err error) {
	text, err := json.Marshal(r)
	if err != nil {
		return "", "", err
	}
	file = filepath.Join(r.Dir, requestFile)
	return file, requestEnv + "=" + string(text), os.WriteFile(file, text, 0o600)
}

// replaceFile writes a file as a whole.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".doctor-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// readReports reads the reports that copies have left in the folder of the run.
func readReports(dir string) (reports []Report) {
	entries, _ := os.ReadDir(dir) // gone with the run
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), reportPrefix) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		var r Report
		if err == nil && json.Unmarshal(text, &r) == nil && r.Copy != "" {
			reports = append(reports, r)
		}
	}
	return reports
}
