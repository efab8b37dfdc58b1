module muster

go 1.26.0

require (
	github.com/BurntSushi/toml v1.6.0
	github.com/oklog/run v1.2.0
	github.com/pebbe/zmq4 v1.4.0
	github.com/spf13/pflag v1.0.10
	github.com/traefik/yaegi v0.16.1
	golang.org/x/sys v0.49.0
	golang.org/x/term v0.47.0
	gonum.org/v1/gonum v0.17.0
)

require golang.org/x/tools v0.30.0 // indirect
