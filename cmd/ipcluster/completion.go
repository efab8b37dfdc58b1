package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"muster/bench"
	"muster/cluster"
	"muster/configs"
	"muster/jobscripts"
	"muster/launcher"
)

const completionUsage = `
Usage: ipcluster completion bash | zsh | fish

Print what a shell is to read so that it completes commands, flags, profiles and
ids of clusters.

  source <(ipcluster completion bash)                     in ~/.bashrc
  source <(ipcluster completion zsh)                      in ~/.zshrc, after compinit
  ipcluster completion fish > ~/.config/fish/completions/ipcluster.fish
`

// completeCommand is what the shells call, with the words up to the cursor. It
// prints the words that the last one may become. Where there are none the shell
// offers files.
const completeCommand = "__complete"

var completions = map[string]string{
	"bash": `_ipcluster() {
    local IFS=$'\n'
    COMPREPLY=($(ipcluster ` + completeCommand + ` "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _ipcluster ipcluster
`,
	"zsh": `_ipcluster() {
    local -a candidates
    candidates=(${(f)"$(ipcluster ` + completeCommand + ` "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    if (( $#candidates )); then compadd -- $candidates; else _files; fi
}
compdef _ipcluster ipcluster
`,
	"fish": `function __ipcluster_complete
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    set -e before[1]
    set -l candidates (ipcluster ` + completeCommand + ` $before "$word" 2>/dev/null)
    if set -q candidates[1]
        printf '%s\n' $candidates
    else
        __fish_complete_path "$word"
    end
end
complete -c ipcluster -f -a '(__ipcluster_complete)'
`,
}

// completion is "ipcluster completion".
func completion(args []string) error {
	flags := newFlags(completionUsage)
	if err := flags.Parse(args); err != nil {
		return err
	}
	script, ok := completions[flags.Arg(0)]
	if !ok || flags.NArg() != 1 {
		return fmt.Errorf("completion: want bash, zsh or fish")
	}
	fmt.Print(script)
	return nil
}

// complete prints what the last of some words may become.
func complete(words []string) error {
	// Bash makes three words of --profile=mpi.
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "=" })
	if len(words) == 0 {
		words = []string{""}
	}
	before, word := words[:len(words)-1], words[len(words)-1]
	for _, c := range candidates(before, word) {
		if strings.HasPrefix(c, word) {
			fmt.Println(c)
		}
	}
	return nil
}

// candidates lists what may come after some words, if it begins like word.
func candidates(before []string, word string) []string {
	if len(before) == 0 {
		return commandNames()
	}
	flags := flagsOf(before[0])
	if flags == nil {
		return nil
	}
	if name, _, ok := strings.Cut(word, "="); ok && strings.HasPrefix(name, "--") {
		var all []string
		for _, v := range valuesOf(strings.TrimPrefix(name, "--")) {
			all = append(all, name+"="+v)
		}
		return all
	}
	if f := awaiting(flags, before[len(before)-1]); f != nil {
		return valuesOf(f.Name)
	}
	if strings.HasPrefix(word, "-") {
		var all []string
		flags.VisitAll(func(f *pflag.Flag) { all = append(all, "--"+f.Name) })
		return append(all, "--help")
	}
	return argumentsOf(before)
}

func commandNames() (names []string) {
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return names
}

// flagsOf returns the flags of a command; nil if there is no such command.
func flagsOf(name string) (flags *pflag.FlagSet) {
	for _, c := range commands() {
		switch {
		case c.name != name:
		case c.name == "help" || c.name == "version":
			return newFlags("")
		default:
			defer func(show func(string, *pflag.FlagSet)) { showHelp = show }(showHelp)
			showHelp = func(_ string, fs *pflag.FlagSet) { flags = fs }
			c.run([]string{"--help"})
			return flags
		}
	}
	return nil
}

// awaiting returns the flag that a word is, if it takes a value from the next word.
func awaiting(flags *pflag.FlagSet, word string) *pflag.Flag {
	var f *pflag.Flag
	if name, ok := strings.CutPrefix(word, "--"); ok {
		f = flags.Lookup(name)
	} else if len(word) == 2 && word[0] == '-' {
		f = flags.ShorthandLookup(word[1:])
	}
	if f == nil || f.NoOptDefVal != "" {
		return nil
	}
	return f
}

// valuesOf lists the values of a flag that are words; nil where they are files or
// anything.
func valuesOf(flag string) []string {
	switch flag {
	case "profile", "extends":
		return profileNames()
	case "cluster-id":
		return clusterIDs()
	case "set":
		return setNames()
	case "engines":
		return launcher.Names
	case "restart":
		return launcher.Restarts
	case "output":
		return []string{"text", "json"}
	case "log-level":
		return []string{"debug", "info", "warn", "error"}
	case "only":
		return bench.Parts()
	}
	return nil
}

// argumentsOf lists the arguments that a command may be given next.
func argumentsOf(before []string) []string {
	switch command, n := before[0], len(before); {
	case command == "help" && n == 1:
		return commandNames()
	case command == "completion" && n == 1:
		return []string{"bash", "zsh", "fish"}
	case command == "engines" && n == 1:
		return []string{"list", "add", "remove", "restart"}
	case command == "logs":
		return []string{"controller", "engines", "ipcluster"}
	case command == "script" && n == 1:
		return jobscripts.Systems()
	case command == "profile" && n == 1:
		return []string{"list", "show", "create", "check"}
	case command == "profile" && n == 2 && before[1] != "create":
		return profileNames()
	}
	return nil
}

func profileNames() []string {
	names := slices.Concat(configs.Shipped(), configs.Sites())
	own, _ := new(configs.Selection).Profiles() // without them there are the others
	for _, p := range own {
		names = append(names, strings.TrimPrefix(filepath.Base(p.Dir), "profile_"))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// setNames lists the sets of engines of all clusters.
func setNames() (names []string) {
	profiles, _ := new(configs.Selection).Profiles()
	records, _ := cluster.List(profiles...) // as far as they can be read
	for _, r := range records {
		for _, s := range r.Sets {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func clusterIDs() (ids []string) {
	profiles, _ := new(configs.Selection).Profiles()
	records, _ := cluster.List(profiles...) // as far as they can be read
	for _, r := range records {
		if r.ClusterID != "" {
			ids = append(ids, r.ClusterID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
