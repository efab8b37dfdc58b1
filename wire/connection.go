package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// SignatureScheme is the one scheme we sign by.
const SignatureScheme = "hmac-sha256"

// maxConnectionFile bounds a connection file before it is parsed.
const maxConnectionFile = 1 << 20

// Endpoint is the part of a connection file that clients and engines share
// (protocol section 2). Ports are on Interface, which is "tcp://ip", and on the
// same ports of all Addresses (see Hosts). Where ssh leads to the controller they are
// Unix sockets: Interface is "ipc:///path", and a port is at "ipc:///path:port".
type Endpoint struct {
	SSH             string   `json:"ssh"`
	Interface       string   `json:"interface"`
	Addresses       []string `json:"addresses,omitempty"`
	Registration    int      `json:"registration"`
	Control         int      `json:"control"`
	Mux             int      `json:"mux"`
	Task            int      `json:"task"`
	IOPub           int      `json:"iopub"`
	Key             string   `json:"key"`
	CurveServerKey  *string  `json:"curve_serverkey"`
	Location        string   `json:"location"`
	Pack            string   `json:"pack"`
	Unpack          string   `json:"unpack"`
	SignatureScheme string   `json:"signature_scheme"`
}

// ClientConnection is the content of ipcontroller-client.json.
type ClientConnection struct {
	Endpoint
	Notification int    `json:"notification"`
	TaskScheme   string `json:"task_scheme"`
	Broadcast    int    `json:"broadcast"`
	// Via is the host by way of which ssh leads to the controller: the connection
	// may break while the controller goes on, and is then waited for (protocol
	// section 17). "" is a direct connection.
	Via string `json:"via,omitempty"`
}

// EngineConnection is the content of ipcontroller-engine.json. Broadcast holds
// a port for each leaf of the controller's broadcast tree; an engine uses the
// one at its id modulo the length.
type EngineConnection struct {
	Endpoint
	Broadcast []int `json:"broadcast"`
	HBPing    int   `json:"hb_ping"`
	HBPong    int   `json:"hb_pong"`
}

// ServerKey is the public key of a controller that speaks CURVE, in Z85, and ""
// of one that does not.
func (e *Endpoint) ServerKey() string {
	if e.CurveServerKey == nil {
		return ""
	}
	return *e.CurveServerKey
}

// validate checks what a peer relies on. ports are the named ports of the file.
func (e *Endpoint) validate(ports map[string]int) error {
	ports["registration"], ports["control"], ports["mux"] = e.Registration, e.Control, e.Mux
	ports["task"], ports["iopub"] = e.Task, e.IOPub
	if e.Interface == "" {
		return errors.New(`key "interface" is missing`)
	}
	for name, p := range ports {
		if p <= 0 || p > 65535 {
			return fmt.Errorf("key %q: %d is no port", name, p)
		}
	}
	if e.SignatureScheme != SignatureScheme {
		return fmt.Errorf("key \"signature_scheme\": %q is not known, want %q", e.SignatureScheme, SignatureScheme)
	}
	if e.Pack != "json" || e.Unpack != "json" {
		return fmt.Errorf("keys \"pack\" and \"unpack\": %q and %q, want \"json\"", e.Pack, e.Unpack)
	}
	return e.validateHosts()
}

// ParseClientConnection reads the JSON of a client's connection file.
func ParseClientConnection(b []byte) (*ClientConnection, error) {
	var c ClientConnection
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("not a connection file: %w", err)
	}
	return &c, c.validate(map[string]int{"notification": c.Notification, "broadcast": c.Broadcast})
}

// ParseEngineConnection reads the JSON of an engine's connection file, which
// may also come by the environment variable IPP_CONNECTION_INFO.
func ParseEngineConnection(b []byte) (*EngineConnection, error) {
	var c EngineConnection
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("not a connection file: %w", err)
	}
	ports := map[string]int{"hb_ping": c.HBPing, "hb_pong": c.HBPong}
	for i, p := range c.Broadcast {
		ports[fmt.Sprintf("broadcast[%d]", i)] = p
	}
	if len(c.Broadcast) == 0 {
		return nil, errors.New(`key "broadcast" is missing or empty`)
	}
	return &c, c.validate(ports)
}

// ReadClientConnection reads the file that a controller wrote for clients.
func ReadClientConnection(path string) (*ClientConnection, error) {
	return readConnection(path, ParseClientConnection)
}

// ReadEngineConnection reads the file that a controller wrote for engines.
func ReadEngineConnection(path string) (*EngineConnection, error) {
	return readConnection(path, ParseEngineConnection)
}

func readConnection[C any](path string, parse func([]byte) (*C, error)) (*C, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("connection file %s: %w: is a controller running? (ipcluster start, or ipcontroller)", path, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("connection file: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxConnectionFile+1))
	if err != nil {
		return nil, fmt.Errorf("connection file %s: %w", path, err)
	}
	if len(b) > maxConnectionFile {
		return nil, fmt.Errorf("connection file %s: larger than %d bytes", path, maxConnectionFile)
	}
	c, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("connection file %s: %w", path, err)
	}
	return c, nil
}

// WriteConnection writes a connection as JSON, mode 0600, in one step: peers
// open the file the moment it exists.
func WriteConnection(path string, connection any) error {
	b, err := json.MarshalIndent(connection, "", "  ")
	if err != nil {
		return fmt.Errorf("connection file %s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".connection-*") // mode 0600
	if err != nil {
		return fmt.Errorf("connection file %s: %w", path, err)
	}
	_, err = f.Write(append(b, '\n'))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("connection file %s: %w", path, err)
	}
	return nil
}
