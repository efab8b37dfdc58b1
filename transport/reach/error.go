package reach

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// An Error says what happened at each address of a controller that answers at none.
type Error struct{ Attempts []Attempt }

// An Attempt is a hello to the registration port at one address, and how it
// failed.
type Attempt struct {
	URL string
	Err error
}

// Error lists the attempts, and says what can be done.
func (e *Error) Error() string {
	var list []string
	refused := true
	for _, a := range e.Attempts {
		list = append(list, fmt.Sprintf("%s: %v", a.URL, a.Err))
		refused = refused && errors.Is(a.Err, syscall.ECONNREFUSED)
	}
	what := "at none of its addresses"
	if len(list) == 1 {
		what = "not"
	}
	remedy := "let the controller listen where this host reaches it (ipcontroller --ip, with the name of an interface), or open its ports in the firewall (--ports)"
	if refused {
		remedy = "the controller is gone and its file is stale: start a cluster anew (ipcluster start)"
	}
	return fmt.Sprintf("the controller answers %s (%s): %s", what, strings.Join(list, "; "), remedy)
}

// Unwrap returns the errors of the attempts.
func (e *Error) Unwrap() []error {
	var errs []error
	for _, a := range e.Attempts {
		errs = append(errs, a.Err)
	}
	return errs
}
