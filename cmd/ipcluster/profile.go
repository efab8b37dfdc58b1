package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"muster/cluster"
	"muster/configs"
	"muster/launcher/site"
	"muster/wire"
)

const profileUsage = `
Usage: ipcluster profile list
       ipcluster profile show NAME
       ipcluster profile create NAME --extends SITE [flags]
       ipcluster profile check NAME [flags]

What profiles there are, and what they say. A profile is a directory profile_NAME
in ~/.ipython with a file ipcluster.toml, or one that comes with the program: for
a kind of cluster, or for a machine that has a name.

  ipcluster profile list                     yours, and those that come with it
  ipcluster profile show perlmutter          the files it is read from
  ipcluster profile create mine --extends perlmutter --account m1234 --nodes 2
  ipcluster profile check mine               is every key known, would the site take the job?
  ipcluster profile check mine --nodes 4096  would it take this one?
`

// profiles is "ipcluster profile".
func profiles(args []string) error {
	var (
		sel     configs.Selection
		request site.Request
	)
	fs := newFlags(profileUsage)
	fs.StringVar(&sel.IPythonDir, "ipython-dir", "", "where named profiles are [$IPYTHONDIR] (default ~/.ipython)")
	extends := fs.String("extends", "", "create: the profile to start from")
	jobFlags(fs, &request)
	if err := fs.Parse(args); err != nil {
		return err
	}
	verb := fs.Arg(0)
	names := map[string]int{"list": 1, "show": 2, "create": 2, "check": 2}
	if want, ok := names[verb]; !ok || fs.NArg() != want {
		return errors.New("profile: want list, show NAME, create NAME or check NAME: ipcluster profile --help says more")
	}
	if verb != "create" && *extends != "" {
		return errors.New("profile: --extends is for create")
	}
	if verb == "list" {
		return listProfiles(&sel)
	}
	sel.Name = fs.Arg(1)
	p, err := sel.Profile()
	if err != nil {
		return err
	}
	switch verb {
	case "show":
		return showProfile(sel.Name, p)
	case "create":
		return createProfile(sel.Name, p, *extends, request)
	}
	return checkProfile(sel.Name, p, request)
}

func listProfiles(sel *configs.Selection) error {
	own, err := sel.Profiles()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "NAME\tOF\tSCHEDULER\tAS OF\tFILE")
	row := func(p wire.Profile) error {
		layers, err := configs.Layers(p)
		if err != nil || len(layers) == 0 {
			return err
		}
		var c configs.Config
		if err := configs.Load(p, &c); err != nil {
			return err
		}
		scheduler := c.Site.Scheduler
		if scheduler == "" {
			scheduler = c.Engines.Launcher
		}
		name := strings.TrimPrefix(filepath.Base(p.Dir), "profile_")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", name, dash(c.Site.Name), dash(scheduler), dash(c.Site.AsOf), layers[len(layers)-1].Name)
		return nil
	}
	var failures []error
	seen := make(map[string]bool)
	for _, p := range own {
		seen[filepath.Base(p.Dir)] = true
		failures = append(failures, row(p))
	}
	for _, name := range slices.Concat(configs.Shipped(), configs.Sites()) {
		if !seen["profile_"+name] {
			failures = append(failures, row(wire.Profile{Dir: "profile_" + name}))
		}
	}
	return errors.Join(append(failures, w.Flush())...)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// layersOf is the files of a profile that has to be there.
func layersOf(name string, p wire.Profile) ([]configs.Layer, error) {
	layers, err := configs.Layers(p)
	if err == nil && len(layers) == 0 {
		err = fmt.Errorf("no profile %s%s: ipcluster profile list names those that there are", name, configs.Suggest(name))
	}
	return layers, err
}

func showProfile(name string, p wire.Profile) error {
	layers, err := layersOf(name, p)
	if err != nil {
		return err
	}
	for i, l := range layers {
		if i > 0 {
			fmt.Println()
		}
		fmt.Printf("## %s\n%s", l.Name, l.Text)
	}
	return nil
}

func createProfile(name string, p wire.Profile, extends string, r site.Request) error {
	path := filepath.Join(p.Dir, configs.FileName)
	text, err := configs.Write(extends, r)
	if err != nil {
		return err
	}
	if err := p.Create(); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("profile %s is there already: edit %s", name, path)
	}
	if err != nil {
		return fmt.Errorf("profile %s: %w", name, err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("profile %s: %w", name, err)
	}
	// What it extends is looked for beside it.
	var c configs.Config
	if err := configs.Load(p, &c); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	fmt.Println(path)
	return nil
}

func checkProfile(name string, p wire.Profile, r site.Request) error {
	layers, err := layersOf(name, p)
	if err != nil {
		return err
	}
	var c configs.Config
	if err := configs.Load(p, &c); err != nil {
		return err
	}
	for _, l := range layers {
		fmt.Println("read", l.Name)
	}
	if !c.Site.Known() {
		if err := c.Place(r, 0); err != nil {
			return err
		}
		fmt.Printf("engines by launcher %s\n", dash(c.Engines.Launcher))
		return c.Engines.Validate()
	}
	fmt.Printf("%s, %s", c.Site.Name, c.Site.Scheduler)
	if c.Site.AsOf != "" {
		fmt.Printf(", as of %s", c.Site.AsOf)
	}
	if c.Site.TestedBy == "" {
		fmt.Print(", from its documents: not yet tried there")
	} else {
		fmt.Print(", tried by ", c.Site.TestedBy)
	}
	fmt.Println()
	for _, s := range c.Site.Source {
		fmt.Println("  source:", s)
	}
	for _, n := range c.Site.Notes {
		fmt.Println("  note:", n)
	}
	r.Run = p.Dir
	request, err := c.Request(r)
	if err != nil {
		return err
	}
	plan, err := c.Site.Plan(request)
	if err != nil {
		return err
	}
	if _, err := cluster.Script(cluster.Config{Profile: p, Job: r}); err != nil {
		return err
	}
	fmt.Println("takes", plan)
	return nil
}
