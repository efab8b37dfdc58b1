// Package configs reads profiles: it gathers the Config of every room from the
// TOML file of a profile, and holds the profiles that ship with Muster.
//
// What is said on the command line counts most, then the environment, then the
// profile, then the defaults. [Selection] finds the profile, [Load] reads it,
// and [Parse] puts the layers on top of each other:
//
//	var (
//		sel configs.Selection
//		cfg configs.Config
//		fs  = pflag.NewFlagSet("ipcluster", pflag.ContinueOnError)
//	)
//	sel.AddFlags(fs)
//	fs.IntVarP(&cfg.Engines.N, "n", "n", 0, "number of engines")
//	err := configs.Parse(fs, os.Args[1:], func() error {
//		profile, err := sel.Profile()
//		if err != nil {
//			return err
//		}
//		return configs.Load(profile, &cfg)
//	})
//
// The rule of this room: an unknown key is an error that names its file and line.
package configs
