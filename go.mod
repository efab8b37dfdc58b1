module muster

go 1.26.0

require (
	github.com/BurntSushi/toml v1.6.0 // profiles: strict, errors with positions
	github.com/expr-lang/expr v1.17.8 // expressions that tasks depend on; safe to run, with positions in errors
	github.com/mattn/go-sqlite3 v1.14.52 // results database; SQLite compiled in
	github.com/oklog/run v1.2.0 // where lifetimes meet
	github.com/pebbe/zmq4 v1.4.0 // libzmq: CURVE, monitors, all socket options
	github.com/spf13/pflag v1.0.10 // POSIX flags
	github.com/traefik/yaegi v0.16.1 // the maintained Go interpreter
	golang.org/x/sys v0.49.0 // descriptors, process groups, signals of parents
	golang.org/x/term v0.47.0 // is this a terminal
	gonum.org/v1/gonum v0.17.0 // arrays: the field's standard in Go
)

require golang.org/x/tools v0.30.0 // indirect
