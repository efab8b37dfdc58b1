package wire

// What a task says of the engine that it may run on, in the metadata of its
// request. The engine looks at it when the task's turn comes, in this order; one
// that does not do answers with an UnmetDependency, in whose evalue it says why,
// and the scheduler asks another (protocol section 17).
const (
	// Depend is an expression (package depend) over the engine's properties
	// and facts.
	Depend = "depend"
	// Require is a list of what has to be there: variables, functions, and
	// packages, which are imported.
	Require = "require"
	// DependFunction is a function to call without arguments: true will do.
	DependFunction = "depend_function"
)

// UnmetDependency is the name of the error of an engine on which a task is not
// to run.
const UnmetDependency = "UnmetDependency"

// Walltime, in a request for the task queue, is for how many seconds it takes an
// engine at most: the scheduler gives it to none whose job ends before.
const Walltime = "walltime"

// EngineDrains is the name of the error of an engine that takes nothing more, for
// what it was asked directly.
const EngineDrains = "EngineDraining"

// Draining, in the reply of an engine that gives a task back, is true when the
// engine takes nothing more and is about to end.
const Draining = "draining"

// A TaskSpec is the first argument of TaskFunction: all that a task does in its
// one turn of the engine, in this order.
type TaskSpec struct {
	// What the metadata says of the engine, for engines that do not read it.
	Depend         string   `json:"depend"`
	Require        []string `json:"require"`
	DependFunction string   `json:"depend_function"`

	ClearBefore bool `json:"clear_before"` // forget all variables
	// Here the keyword arguments are set as variables. Then either
	Code string `json:"code"` // is executed, and its result displayed, or
	// Function is called with the arguments that follow this one. Those of which
	// Refs has a name, or an expression, are its value at that time. The last
	// arguments are keyword arguments, of the names in Keywords.
	Function string   `json:"function"`
	Refs     []string `json:"refs"` // as many as there are arguments
	Keywords []string `json:"keywords"`

	Pull       []string `json:"pull"`        // variables, or expressions, to return
	ClearAfter bool     `json:"clear_after"` // as before, also after an error
}

// TaskFunction carries out a task: the arguments are a TaskSpec, as a dict, and
// those of its function, and the keyword arguments are variables to set first.
// The result is a list: the function's value, or None, and the values of what is
// to be pulled, in that order.
var TaskFunction = python(`
def f(spec, /, *values, **variables):
    import importlib
    from IPython import get_ipython
    from ipyparallel.error import UnmetDependency
    shell = get_ipython()
    def clear():
        for name in shell.run_line_magic('who_ls', ''):
            user.pop(name, None)
    if spec['depend']:
        raise UnmetDependency('depend ` + "`%s`" + `: a Python engine evaluates no expressions' % spec['depend'])
    for name in spec['require'] or ():
        try:
            eval(name, user)
        except Exception:
            try:
                importlib.import_module(name)
                top = name.partition('.')[0]
                user[top] = importlib.import_module(top)
            except ImportError as e:
                raise UnmetDependency('require: there is no variable, function or module %s: %s' % (name, e))
    if spec['depend_function']:
        try:
            ok = eval(spec['depend_function'], user)()
        except Exception as e:
            raise UnmetDependency('depend %s(): %s: %s' % (spec['depend_function'], type(e).__name__, e))
        if not ok:
            raise UnmetDependency('depend %s() is %r' % (spec['depend_function'], ok))
    if spec['clear_before']:
        clear()
    try:
        user.update(variables)
        value = None
        if spec['code']:
            shell.run_cell(spec['code'], store_history=False).raise_error()
        if spec['function']:
            args = [eval(ref, user) if ref else v for v, ref in zip(values, spec['refs'] or ())]
            names = spec['keywords'] or []
            n = len(args) - len(names)
            value = eval(spec['function'], user)(*args[:n], **dict(zip(names, args[n:])))
        return [value] + [eval(name, user) for name in spec['pull'] or ()]
    finally:
        if spec['clear_after']:
            clear()
`)
