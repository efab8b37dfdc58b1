package client

import (
	"log/slog"
	"os"

	"muster/transport"
	"muster/wire"
)

// An Option tells Connect which cluster to connect to.
type Option func(*options)

type options struct {
	profile    string
	profileDir string
	clusterID  string
	file       string
	ssh        string   // the destination
	sshCommand []string // ssh, and words for it
	network    transport.Network
	log        *slog.Logger
	deaf       bool
}

// WithProfile takes the cluster of the profile of that name in $IPYTHONDIR, or
// in ~/.ipython when that is not set. Without it and its siblings, the
// directory in $IPP_PROFILE_DIR is taken, or else the profile "default".
func WithProfile(name string) Option { return func(o *options) { o.profile = name } }

// WithProfileDir takes the cluster of the profile in a directory.
func WithProfileDir(dir string) Option { return func(o *options) { o.profileDir = dir } }

// WithClusterID takes the cluster of that id among the profile's clusters.
// Without it, $IPP_CLUSTER_ID is taken, or else the cluster without an id.
func WithClusterID(id string) Option { return func(o *options) { o.clusterID = id } }

// WithFile takes the cluster whose controller wrote that connection file
// (ipcontroller-client.json), whatever the profile. A laptop that reaches the
// controller over the network needs nothing but a copy of the file.
func WithFile(path string) Option { return func(o *options) { o.file = path } }

// WithSSH takes a cluster of a host that ssh leads to, as "me@login.example.org":
// WithProfile, WithProfileDir and WithClusterID are meant there. One connection of the
// user's own ssh carries everything, and may ask for a password where there is
// a terminal; command, if it is given, is ssh and words for it ("ssh", "-F", "file"). A
// controller on a node behind the host is found by its addresses.
//
// With WithFile the file is a copy that is here, and the way to the controller
// alone is meant. A file that names an ssh host itself (ipcontroller --ssh), as a copy of
// one does on another machine, needs no option.
//
// The connection may break, and the client goes on (see "From a laptop" above).
func WithSSH(destination string, command ...string) Option {
	return func(o *options) { o.ssh, o.sshCommand = destination, command }
}

// WithNetwork connects by sockets of a network of the caller's, who closes it
// after the client. Without it, the client opens a network of its own.
func WithNetwork(n transport.Network) Option { return func(o *options) { o.network = n } }

// WithLogger logs that the controller is away, and back, and what the client
// drops: messages that are malformed or carry a wrong signature. Without it both
// happen in silence.
func WithLogger(l *slog.Logger) Option { return func(o *options) { o.log = l } }

// WithoutOutput does not listen to what engines print. A controller sends that to
// all clients, whoever has caused it, which is much to hear for one that only asks
// now and then. The results of calls then have neither output nor displays.
func WithoutOutput() Option { return func(o *options) { o.deaf = true } }

// path is the connection file that the options and the environment lead to.
func (o *options) path() (string, error) {
	if o.file != "" {
		return o.file, nil
	}
	id := o.clusterID
	if id == "" {
		id = os.Getenv("IPP_CLUSTER_ID")
	}
	dir := o.profileDir
	if dir == "" && o.profile == "" {
		dir = os.Getenv("IPP_PROFILE_DIR")
	}
	if dir != "" {
		return wire.Profile{Dir: dir}.ClientFile(id), nil
	}
	p, err := wire.NamedProfile(o.profile)
	return p.ClientFile(id), err
}
