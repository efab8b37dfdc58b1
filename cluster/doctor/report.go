package doctor

import "time"

// A Report is what a copy of [Node] has found on its node. It is JSON.
type Report struct {
	Copy    string `json:"copy"`  // told apart by random names
	Final   bool   `json:"final"` // nothing comes after it
	Host    string `json:"host"`
	Arch    string `json:"arch"` // as Go calls it
	Version string `json:"version"`
	Libzmq  string `json:"libzmq"`
	Curve   bool   `json:"curve"`

	CPUs      int    `json:"cpus"`       // that it may use
	Memory    uint64 `json:"memory"`     // bytes; 0 is not known
	OpenFiles uint64 `json:"open_files"` // the hard limit

	Engine Program  `json:"engine"`
	Seen   Sight    `json:"seen"`  // of the folder of the run
	Fresh  Sight    `json:"fresh"` // of a file that was made while it looked
	Wrote  string   `json:"wrote"` // why nothing can be written there; "" if it can
	Routes []Route  `json:"routes"`
	Clock  Clock    `json:"clock"`
	MPI    MPIWorld `json:"mpi"`
}

// A Program is how it starts on a node.
type Program struct {
	Version string `json:"version"`
	Error   string `json:"error"`
}

// A Sight is whether something is seen from a node, and how long that took.
type Sight struct {
	After time.Duration `json:"after"`
	Error string        `json:"error"` // "" if it is seen
}

// A Route is an address of the login machine, and what becomes of those who try it.
type Route struct {
	Host  string        `json:"host"`
	Took  time.Duration `json:"took"`  // for question and answer
	Error string        `json:"error"` // "" if the doctor answers there
}

// A Clock is how far the node's clock is ahead of the login machine's.
type Clock struct {
	Known bool          `json:"known"`
	Ahead time.Duration `json:"ahead"`
	Error time.Duration `json:"error"` // it may be that much more or less
}

// MPIWorld is how MPI is on a node. Size is 0 if it was not initialised.
type MPIWorld struct {
	Flavour string `json:"flavour"`
	Library string `json:"library"`
	Shim    string `json:"shim"`
	Rank    int    `json:"rank"`
	Size    int    `json:"size"`
	Error   string `json:"error"`
}

// answers is the first route by which the doctor answered; nil if none.
func (r *Report) answers() *Route {
	for i := range r.Routes {
		if r.Routes[i].Error == "" {
			return &r.Routes[i]
		}
	}
	return nil
}
