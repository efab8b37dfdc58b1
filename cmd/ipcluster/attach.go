package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"muster/client/tunnel"
	"muster/cluster/attach"
	"muster/configs"
	"muster/wire"
)

const attachUsage = `
Usage: ipcluster attach [flags] [user@login]

Show a cluster live until Ctrl-C: its engines, what they have to do, and which calls
have failed; first of all what has ended since the last time. The work goes on
when nobody looks.

  ipcluster attach me@login.example.org                     a cluster behind ssh
  ipcluster attach --profile perlmutter me@login            its profile there
  ipcluster attach                                          one of this machine

With a host, the cluster is also one of this machine as long as it is attached to: notebooks
and programs here connect to it by a profile that has the host's name. It is your own ssh,
with its configuration, keys and jumps; one connection carries everything, and is
made again when it breaks. It may ask for a password. An ssh that you keep open to the
host (ControlMaster) is used. The flags that select a profile then mean one there.
`

// attachCommand is "ipcluster attach".
func attachCommand(args []string) error {
	var sel configs.Selection
	flags := newFlags(attachUsage)
	sel.AddFlags(flags)
	name := flags.String("name", "", "name of the profile here (default the host's, with the profile's there)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 1 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(1))
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends()...)
	defer stop()
	if flags.NArg() == 0 {
		if *name != "" {
			return errors.New("--name is for a cluster behind ssh: which host does it have?")
		}
		return attachHere(ctx, &sel)
	}
	there := tunnel.Config{
		Destination: flags.Arg(0), Profile: sel.Name, ProfileDir: sel.Dir, IPythonDir: sel.IPythonDir, ClusterID: sel.ClusterID,
	}
	return attachThere(ctx, there, *name)
}

// attachHere shows a cluster of this machine.
func attachHere(ctx context.Context, sel *configs.Selection) error {
	p, err := sel.Profile()
	if err != nil {
		return err
	}
	file := p.ClientFile(sel.ClusterID)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return noCluster(sel, p)
	}
	memory, err := attach.Recall(p, sel.ClusterID)
	if err != nil {
		return err
	}
	w := &watch{memory: memory, out: newStateLine(os.Stdout), name: clusterName(p, sel.ClusterID)}
	return w.show(ctx, file, "")
}

// attachThere makes a cluster behind ssh one of this machine, and shows it.
func attachThere(ctx context.Context, there tunnel.Config, name string) error {
	if name == "" {
		name = attach.Name(&there)
	}
	here := configs.Selection{Name: name}
	local, err := here.Profile()
	if err != nil {
		return err
	}
	local = wire.Profile{Dir: filepath.Join(filepath.Dir(local.Dir), "profile_"+name)} // whatever the environment names
	out := newStateLine(os.Stdout)
	if out.terminal {
		fmt.Fprintf(out, "connecting by ssh to %s\n", there.Destination) // which may ask for something
	}
	a, err := attach.Open(ctx, attach.Config{Tunnel: there, Local: local})
	switch {
	case err != nil && ctx.Err() != nil:
		return errors.New("interrupted; nothing is left here")
	case err != nil:
		return err
	}
	w := &watch{memory: a.Memory, attachment: a, out: out, name: name}
	err = w.show(ctx, a.File(), fmt.Sprintf("notebooks: ipp.Client(profile=%q); Go: client.WithProfile(%q)\n", name, name))
	if closing := a.Close(); err == nil {
		err = closing
	}
	return err
}

// clusterName is how a cluster of this machine is called.
func clusterName(p wire.Profile, id string) string {
	name := strings.TrimPrefix(filepath.Base(p.Dir), "profile_")
	if id != "" {
		name += "/" + id
	}
	return name
}
